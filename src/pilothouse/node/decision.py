"""What is to be done with one partition in this pass (node spec, sections 11.3 and 11.5). Pure.

Unlike the original, any processing forgets the last success before it begins: a forced pass that fails, or one
that only stops services, is made good by the next plain one.
"""

import enum
from typing import Final, NamedTuple

STARTED: Final = "started"
STOPPED: Final = "stopped"
DESTROYED: Final = "destroyed"
_SKEW: Final = 60.0  # seconds that clocks of disks may be ahead


class Verdict(enum.Enum):
    """What to do."""

    PROCESS = "process"
    CHECK = "check"
    LEAVE = "leave"


class Last(NamedTuple):
    """The last processing that went well: the timestamp it was for, and when it was, in seconds."""

    timestamp: str
    at: float


def decide(
    timestamp: str | None, state: str, last: Last | None, now: float, periodicity: int, *, forced: bool, stops: bool
) -> Verdict:
    """Return what to do; ``forced`` is --force, ``stops`` is --force-stop, ``periodicity`` is in seconds."""
    if forced or timestamp is None or not periodicity or last is None or (stops and state == STARTED):
        return Verdict.PROCESS
    # a success of the future was noted before the clock was set back: its age is not known
    aged = now > last.at + periodicity or now < last.at - _SKEW
    if last.timestamp != timestamp or (periodicity > 0 and aged):
        return Verdict.PROCESS
    return Verdict.CHECK if state == STARTED else Verdict.LEAVE


def periodicity_of(text: str | None, default: int) -> int | None:
    """Return what a release's file ``periodicity`` says, the default without one, None when it is no number."""
    if text is None:
        return default
    try:
        return int(text.strip())
    except ValueError:
        return None


def is_free(state: str, url: str | None) -> bool:
    """Whether a partition holds nothing and shall hold nothing."""
    return state == DESTROYED and not url
