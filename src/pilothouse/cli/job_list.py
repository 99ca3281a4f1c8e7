"""``pilothouse job list``: the jobs that ran here, the latest first."""

import argparse
import re
import sys
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec

from pilothouse.cli.display.palette import DIM, STYLES, Line, clean, count, took
from pilothouse.cli.display.paper import put
from pilothouse.cli.job_standing import INTERRUPTED, UNREADABLE, Head, all_spaces, heads
from pilothouse.clock import stamp
from pilothouse.errors import ExitCode, UsageError
from pilothouse.jobs.states import State

STATES: Final = (*(state.value for state in State), INTERRUPTED, UNREADABLE)
_TIME: Final = "%Y-%m-%d %H:%M:%S"
_AGO: Final = re.compile(r"(\d+)\s*([smhdw])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_MOST: Final = 10**9
_HEADINGS: Final = ("job", "state", "started", "took", "runs", "by")
_STYLES: Final = {**STYLES, INTERRUPTED: "bold magenta", UNREADABLE: "bold red"}


def show_all(chosen: argparse.Namespace) -> int:
    """Print the jobs that match; raises UsageError when the data folder cannot be read."""
    for state in chosen.state or ():
        if state not in STATES:
            raise UsageError(f"--state {state!r}: no such state; allowed: {', '.join(STATES)}")
    since = since_when(chosen.since, time.time()) if chosen.since else None
    found = list(heads(all_spaces(chosen)))
    rows = matching(found, chosen.state or (), since, chosen.limit)
    if chosen.json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(rows)) + b"\n")
    elif not found:
        print("no job has run here yet; start with: pilothouse demo")
    elif not rows:
        print(f"none of the {count(len(found), 'job')} here matches")
    else:
        put(table(rows, time.time()), sys.stdout)
    return ExitCode.SUCCESS


def matching(found: Iterable[Head], states: Iterable[str], since: float | None, limit: int | None) -> list[Head]:
    """Return the jobs in one of the states (any, if there is none) that were started since, the latest first."""
    wanted = set(states)
    rows = [
        row for row in found if (not wanted or row.state in wanted) and (since is None or (row.started or 0.0) >= since)
    ]
    rows.sort(key=lambda row: (row.started or 0.0, row.job_id), reverse=True)
    return rows[:limit]


def since_when(text: str, now: float) -> float:
    """Return the time that ``2h``, ``3d``, ``2026-11-22`` or ``2026-11-22 08:30`` means, in seconds since the epoch.

    Raises UsageError.
    """
    if match := _AGO.fullmatch(text.strip()):
        return now - min(int(match[1]) * _SECONDS[match[2]], _MOST)
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(
            f"--since {text!r} is no time; allowed: 30m, 2h, 3d, 1w, 2026-11-22 or 2026-11-22T08:30"
        ) from None


def table(rows: Iterable[Head], now: float) -> list[Line]:
    """Return the jobs as lines for a person."""
    cells = [_row(row, now) for row in rows]
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *cells, strict=True)]
    lines: list[Line] = [((_padded(_HEADINGS, widths), DIM),)]
    for row in cells:
        padded = [f"{text:{width}}" for text, width in zip(row, widths, strict=True)]
        rest = "  " + "  ".join(padded[2:])
        lines.append(((padded[0] + "  ", ""), (padded[1], _STYLES.get(row[1], "")), (rest.rstrip(), "")))
    return lines


def _row(row: Head, now: float) -> tuple[str, ...]:
    started = stamp(row.started, _TIME) if row.started else ""
    until = row.ended or (now if row.state == State.RUNNING else None)
    spent = took(max(0.0, until - row.started)) if row.started and until else ""
    return row.job_id, row.state, started, spent, str(row.runs or ""), clean(row.user)


def _padded(row: Iterable[str], widths: list[int]) -> str:
    return "  ".join(f"{text:{width}}" for text, width in zip(row, widths, strict=True)).rstrip()
