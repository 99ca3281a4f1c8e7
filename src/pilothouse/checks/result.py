"""What a check found: the verdict on one execution (node spec 13.5, 13.9)."""

from __future__ import annotations

import calendar
import re
import time
from typing import Any, NamedTuple

LONGEST = 5000  # characters of a message that are kept, its last ones
TEST = "Test Result"
ANOMALY = "Anomaly Result"
EMPTY = "Empty Result"
_DATE = "%Y-%m-%dT%H:%M:%S+0000"
_READ = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\+0000")


class Result(NamedTuple):
    """Whether the check failed, and why; ``date`` is in seconds since the epoch."""

    kind: str
    failed: bool
    message: str
    date: float

    def document(self) -> dict[str, Any]:
        """Return it as result files hold it."""
        date = time.strftime(_DATE, time.gmtime(self.date))
        return {"type": self.kind, "failed": self.failed, "date": date, "message": self.message}


def shortened(message: str) -> str:
    """Return a message as it is kept: its end, when it is too long."""
    return message if len(message) <= LONGEST else f"...{message[-LONGEST:]}"


def read(document: Any) -> Result | None:
    """Return the result that a result file's ``result`` holds, None when it holds anything else."""
    if not isinstance(document, dict):
        return None
    kind, failed, message, date = (document.get(name) for name in ("type", "failed", "message", "date"))
    if not (isinstance(kind, str) and isinstance(failed, bool) and isinstance(message, str) and isinstance(date, str)):
        return None
    moment = _READ.fullmatch(date)  # the library's own way loads more than all the rest
    if moment is None:
        return None
    try:
        return Result(kind, failed, message, calendar.timegm(tuple(map(int, moment.groups()))))
    except ValueError:
        return None


def without_answer(kind: str, message: str, before: Result | None, now: float) -> Result:
    """Return what a check that said nothing found: in anomaly mode only the second silence in a row is a failure."""
    if kind == ANOMALY:
        failed = before is not None and (before.failed or "error:" in before.message.lower())
        return Result(kind, failed, message, now)
    return Result(kind, True, message, now)
