"""PURE: the session table (headless 10.3). Connections appear nowhere in it."""

from enum import StrEnum
from typing import Final


class Event(StrEnum):
    """What can happen to a session."""

    LAUNCH = "slot and lock are free"
    UP = "the shim holds its lock"
    NOT_LAUNCHED = "it could not be launched"
    ALL_OK = "every job is ok"
    NOT_OK = "a job is not ok"
    CANCEL = "somebody cancels it"
    OUT_OF_TIME = "it waited or ran too long"
    CANCELLED = "it was cancelled and its processes are gone"
    EXPIRED = "it ran too long and its processes are gone"
    VANISHED = "its shim is gone and left no result"


LIVE: Final = frozenset({"queued", "starting", "running", "cancelling"})
ENDED: Final = frozenset({"ok", "failed", "cancelled", "expired", "lost"})

_TABLE: Final = {
    ("queued", Event.LAUNCH): "starting",
    ("queued", Event.CANCEL): "cancelled",
    ("queued", Event.OUT_OF_TIME): "expired",
    ("starting", Event.UP): "running",
    ("starting", Event.NOT_LAUNCHED): "failed",
    ("starting", Event.VANISHED): "lost",
    ("running", Event.ALL_OK): "ok",
    ("running", Event.NOT_OK): "failed",
    ("running", Event.CANCEL): "cancelling",
    ("running", Event.OUT_OF_TIME): "cancelling",
    ("running", Event.CANCELLED): "cancelled",
    ("running", Event.EXPIRED): "expired",
    ("running", Event.VANISHED): "lost",
    ("cancelling", Event.CANCEL): "cancelling",
    ("cancelling", Event.CANCELLED): "cancelled",
    ("cancelling", Event.EXPIRED): "expired",
    ("cancelling", Event.VANISHED): "lost",
}


def follow(state: str, event: Event) -> str:
    """Return the state after an event; an ended session stays as it is. Raises ValueError for what cannot happen."""
    if state in ENDED:
        return state
    found = _TABLE.get((state, event))
    if found is None:
        raise ValueError(f"a session that is {state} cannot be told that {event}")
    return found
