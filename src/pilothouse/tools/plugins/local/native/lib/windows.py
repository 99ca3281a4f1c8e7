"""Maintenance windows: ``HH:MM-HH:MM``, on all days or on those that a prefix names.

``WeekDay 6,7 22:00-06:00`` (1 is Monday), ``MonthDay 12-31 ...``, ``Date 2026-03-01 ...``; several ranges a
line. A range whose end is not after its start reaches past midnight. Standard library only, as in `values`.
"""  # noqa: INP001 - a folder of programs, not a package

from __future__ import annotations

import datetime as dt
import re

_RANGE = re.compile(r"([0-9]{1,2}):([0-9]{2})-([0-9]{1,2}):([0-9]{2})")
_DAYS = re.compile(r"[1-7](?:-[1-7])?(?:,[1-7](?:-[1-7])?)*")
_MONTH_DAY = re.compile(r"[0-9]{1,2}-[0-9]{1,2}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}")
_MIDNIGHT = 24 * 60
_ALLOWED = "HH:MM-HH:MM ..., after WeekDay 1..7, MonthDay MM-DD, Date YYYY-MM-DD or nothing"


def inside(text: str, now: dt.datetime) -> bool:
    """Say whether a time lies in one of the windows; raises ValueError for a window that cannot be read."""
    found = False
    for line in text.replace("\\n", "\n").splitlines():
        if line.strip():
            found = _line_matches(line, now) or found
    return found


def _line_matches(line: str, now: dt.datetime) -> bool:
    words = line.split()
    kind = words[0].lower()
    days = ""
    if kind in ("weekday", "monthday", "date"):
        days, words = " ".join(words[1:2]), words[2:]
        _check(line, kind, days)
    ranges = [_range(line, word) for word in words]
    if not ranges:
        raise ValueError(f"window {line!r} has no time; allowed: {_ALLOWED}")
    minute = now.hour * 60 + now.minute
    today = _is_day(kind, days, now.date())
    yesterday = _is_day(kind, days, now.date() - dt.timedelta(days=1))
    return any(_in_range(start, end, minute, today, yesterday) for start, end in ranges)


def _in_range(start: int, end: int, minute: int, today: bool, yesterday: bool) -> bool:
    if start < end:
        return today and start <= minute < end
    return (today and minute >= start) or (yesterday and minute < end)


def _range(line: str, word: str) -> tuple[int, int]:
    match = _RANGE.fullmatch(word)
    if not match:
        raise ValueError(f"window {line!r}: {word!r} is no time; allowed: {_ALLOWED}")
    start_hour, start_minute, end_hour, end_minute = (int(number) for number in match.groups())
    start, end = start_hour * 60 + start_minute, end_hour * 60 + end_minute
    if start >= _MIDNIGHT or end > _MIDNIGHT or start_minute > 59 or end_minute > 59:  # noqa: PLR2004 - minutes
        raise ValueError(f"window {line!r}: {word!r} is no time of day; allowed: 00:00 to 24:00")
    return start, end


def _check(line: str, kind: str, days: str) -> None:
    pattern = {"weekday": _DAYS, "monthday": _MONTH_DAY, "date": _DATE}[kind]
    if not pattern.fullmatch(days):
        raise ValueError(f"window {line!r}: {days!r} is no {kind}; allowed: {_ALLOWED}")


def _is_day(kind: str, days: str, day: dt.date) -> bool:
    if kind == "weekday":
        return any(low <= day.isoweekday() <= high for low, high in map(_span, days.split(",")))
    numbers = [int(number) for number in days.split("-") if number]
    if kind == "monthday":
        return [day.month, day.day] == numbers
    return kind != "date" or [day.year, day.month, day.day] == numbers


def _span(part: str) -> tuple[int, int]:
    low, _, high = part.partition("-")
    return int(low), int(high or low)
