"""How a check came to fail, told from its history."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from pilothouse.checks.history import Execution

_FAR = 100_000  # executions that are looked at


class Story(NamedTuple):
    """Since when a check fails without a break, how often it did, and when it was last fine; in seconds, or None."""

    since: int | None
    failures: int
    fine: int | None


class Change(NamedTuple):
    """Something that was changed at a moment."""

    at: float
    what: str


def told(executions: Iterable[Execution]) -> Story:
    """Return the story of a check from its executions, the latest first."""
    since, failures = None, 0
    for execution in islice(executions, _FAR):
        if not execution.failed:
            return Story(since, failures, execution.started)
        since, failures = execution.started, failures + 1
    return Story(since, failures, None)


def before(changes: Iterable[Change], since: float, count: int) -> list[Change]:
    """Return the last changes before a check began to fail, the latest first."""
    return sorted((one for one in changes if one.at <= since), reverse=True)[:count]
