"""One check: it senses, and judges what it sensed, as a test or as the search for an anomaly (node spec 13.6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pilothouse.checks import result
from pilothouse.checks.result import Result

BOTH_DISABLED = "It's not allowed to disable both Test and Anomaly in promise!"


class Check(NamedTuple):
    """What a check is made of. ``sense`` says what it measures in the log that the judges read.

    ``failure`` is told of an error within ``sense``. Judges return anything with ``hasFailed()`` and ``message``.
    """

    sense: Callable[[], None]
    test: Callable[[], Any]
    anomaly: Callable[[], Any]
    failure: Callable[[Exception], None]
    tested: bool = True
    detected: bool = True


def executed(check: Check, *, anomaly: bool, clock: Callable[[], float]) -> Result:
    """Return what one execution of a check found; errors of the check are its failure, never ours."""
    kind = result.ANOMALY if anomaly else result.TEST
    if not check.tested and not check.detected:
        return Result(kind, True, BOTH_DISABLED, clock())
    if not (check.detected if anomaly else check.tested):
        return Result(result.EMPTY, False, "", clock())
    try:
        check.sense()
    except Exception as error:  # noqa: BLE001 - whatever a check does
        check.failure(error)
    failed, message = _judged(check.anomaly if anomaly else check.test, "anomaly" if anomaly else "test")
    return Result(kind, failed, result.shortened(message), clock())


def _judged(judge: Callable[[], Any], name: str) -> tuple[bool, str]:
    try:
        found = judge()
        if found is None:
            return True, f"Promise {name} method returned 'None'"
        return bool(found.hasFailed()), str(found.message)
    except Exception as error:  # noqa: BLE001 - whatever a check does
        return True, str(error)
