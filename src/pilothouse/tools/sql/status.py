"""What is known of an SQL file, and whether it has to run (spec section 6.8)."""

from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from pilothouse.files import write_atomic

State = Literal["pending", "running", "waitInput", "succeed", "ignored", "failed", "aborted"]
DONE: Final = frozenset({"succeed", "ignored"})


class Status(msgspec.Struct, frozen=True, rename="camel"):
    """The status file of one SQL file; times are seconds since 1970."""

    status: State = "pending"
    is_modified: int = 0
    warn_count: int = 0
    md5: str = ""
    interact: dict[str, Any] | None = None
    start_time: float | None = None
    end_time: float | None = None


class Decision(msgspec.Struct, frozen=True):
    """Whether a file runs, and why."""

    run: bool
    reason: str
    modified: bool = False


def decide(before: Status | None, md5: str, *, force: bool, busy: bool) -> Decision:
    """Return whether a file runs: not when it did with the same content, nor while another process is at it.

    ``busy`` says that a process holds the file now; a status of ``running`` without one is left over.
    """
    modified = before is not None and before.md5 not in {"", md5}
    if busy:
        return Decision(run=False, reason="another process is running it", modified=modified)
    if force:
        return Decision(run=True, reason="forced", modified=modified)
    if before is None or before.status == "pending":
        return Decision(run=True, reason="not run yet", modified=modified)
    if modified:
        return Decision(run=True, reason="its content has changed", modified=True)
    if before.status in DONE:
        return Decision(run=False, reason=f"{before.status} before with the same content")
    return Decision(run=True, reason=f"{before.status} before")


def read(path: Path) -> Status | None:
    """Return what a status file says; None when there is none, or it holds nothing that can be used."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Status)
    except (OSError, msgspec.DecodeError):
        return None


def write(path: Path, status: Status) -> None:
    """Write a status file. Raises OSError."""
    write_atomic(path, msgspec.json.encode(status))
