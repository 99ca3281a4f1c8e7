"""The history of a check, read back from its log (node spec 13.8)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) - ([A-Z]+) - ((\d+)-\d{3}) - (.*)")
FAILURES = frozenset({"ERROR", "CRITICAL"})


class Line(NamedTuple):
    """One message of an execution; ``date`` is local time, as the log has it."""

    date: str
    level: str
    message: str


class Execution(NamedTuple):
    """What one execution said, in order; ``started`` is in seconds since the epoch."""

    id: str
    started: int
    lines: tuple[Line, ...]

    @property
    def failed(self) -> bool:
        """Whether it said so: a line at ERROR or above."""
        return any(line.level in FAILURES for line in self.lines)

    @property
    def message(self) -> str:
        """All that it said."""
        return "\n".join(line.message for line in self.lines)


def execution_id(seconds: float) -> str:
    """Return what tells an execution that begins at this moment from others of the same check.

    By its millisecond, not by chance: two executions with one id would be read back as one, and a failure would
    hide that the check was fine before.
    """
    return f"{int(seconds)}-{int(seconds * 1000) % 1000:03d}"


def head(date: str, level: str, execution: str) -> str:
    """Return what a log line begins with."""
    return f"{date} - {level} - {execution} - "


def backwards(lines: Iterable[str]) -> Iterator[Execution]:
    """Return the executions, the latest first, of a log whose lines are given from the last one to the first.

    Lines without a head go on with the message before them. What precedes the first head belongs to nothing.
    """
    pending: list[str] = []
    found: list[Line] = []
    current: tuple[str, int] | None = None
    for text in lines:
        match = _LINE.match(text)
        if match is None:
            pending.append(text)
            continue
        date, level, execution, seconds, first = match.groups()
        if current is not None and current[0] != execution:
            yield Execution(current[0], current[1], tuple(reversed(found)))
            found = []
        current = (execution, int(seconds))
        found.append(Line(date, level, "\n".join([first, *reversed(pending)])))
        pending = []
    if current is not None:
        yield Execution(current[0], current[1], tuple(reversed(found)))
