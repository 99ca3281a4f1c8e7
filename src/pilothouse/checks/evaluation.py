"""What the last executions of a check amount to (node spec 13.7)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice, takewhile
from typing import NamedTuple

from pilothouse.checks.history import Execution

NOTHING = "No result found!"


class Verdict(NamedTuple):
    """Whether the executions amount to a failure, and what the last one said."""

    failed: bool
    message: str


def recent(executions: Iterable[Execution], count: int, latest_minute: float, now: float) -> list[Execution]:
    """Return at most ``count`` executions of the last ``latest_minute`` minutes (0: of all time), latest first."""
    since = now - latest_minute * 60
    young = takewhile(lambda execution: not latest_minute or execution.started >= since, executions)
    return list(islice(young, count))


def judged(executions: list[Execution], failure_amount: int) -> Verdict:
    """Return the verdict: failed when the last execution and enough of those before it did."""
    if not executions:
        return Verdict(failed=False, message=NOTHING)
    last = executions[0]
    failures = sum(execution.failed for execution in executions)
    return Verdict(last.failed and failures >= failure_amount, last.message)
