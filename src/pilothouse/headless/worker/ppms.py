"""What old scripts import; only the session's dictionary and the output calls are there (headless 13.3)."""

from typing import Any

_job: Any = None


def get_session_dict() -> dict[Any, Any]:
    """Return what the jobs of this session share."""
    found: dict[Any, Any] = _job.session_dict
    return found


def ui_message_box(*words: object) -> None:
    """Say something; there is nobody to press a button."""
    _job.info(" ".join(map(str, words)))


def ui_message_id(*words: object) -> None:
    """Say something."""
    _job.info(" ".join(map(str, words)))
