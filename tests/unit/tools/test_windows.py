"""Maintenance windows, minute by minute."""

import datetime as dt
import importlib.util
from types import ModuleType

import pytest

from pilothouse.tools.catalog import BUILT_IN


def load() -> ModuleType:
    """Load the tools' module from its folder, where it belongs to no package."""
    path = BUILT_IN / "local" / "native" / "lib" / "windows.py"
    spec = importlib.util.spec_from_file_location("windows", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


WINDOWS = load()
SATURDAY = "2026-02-28"


@pytest.mark.parametrize(
    ("window", "day", "time", "expected"),
    [
        ("10:00-12:00", SATURDAY, "10:00", True),
        ("10:00-12:00", SATURDAY, "11:59", True),
        ("10:00-12:00", SATURDAY, "12:00", False),
        ("08:00-09:00 10:00-12:00", SATURDAY, "10:30", True),
        ("22:00-06:00", SATURDAY, "23:00", True),
        ("22:00-06:00", SATURDAY, "05:59", True),
        ("22:00-06:00", SATURDAY, "06:00", False),
        ("22:00-24:00", SATURDAY, "23:59", True),
        ("WeekDay 6 22:00-06:00", SATURDAY, "22:00", True),
        ("WeekDay 6 22:00-06:00", "2026-03-01", "05:00", True),
        ("WeekDay 6 22:00-06:00", SATURDAY, "05:00", False),
        ("WeekDay 7 22:00-06:00", SATURDAY, "22:00", False),
        ("weekday 1-5,6 10:00-12:00", SATURDAY, "10:00", True),
        ("MonthDay 02-28 10:00-12:00", SATURDAY, "10:00", True),
        ("MonthDay 2-28 22:00-06:00", "2027-03-01", "01:00", True),
        ("MonthDay 03-01 10:00-12:00", SATURDAY, "10:00", False),
        ("Date 2026-02-28 10:00-12:00", SATURDAY, "10:00", True),
        ("Date 2027-02-28 10:00-12:00", SATURDAY, "10:00", False),
        ("Date 2027-02-28 10:00-12:00\\n10:00-11:00", SATURDAY, "10:00", True),
        ("\n 10:00-11:00 \n", SATURDAY, "10:00", True),
        ("", SATURDAY, "10:00", False),
    ],
)
def test_windows(window: str, day: str, time: str, expected: bool) -> None:
    assert WINDOWS.inside(window, dt.datetime.fromisoformat(f"{day}T{time}")) is expected


@pytest.mark.parametrize(
    "window",
    ["10:00", "10-12", "25:00-26:00", "10:60-11:00", "WeekDay 10:00-11:00", "WeekDay 8 10:00-11:00", "Date 10:00-11:00",
     "MonthDay 02-28", "10:00-11:00\nnonsense"],
)  # fmt: skip
def test_what_is_no_window_is_refused(window: str) -> None:
    with pytest.raises(ValueError, match="window"):
        WINDOWS.inside(window, dt.datetime.fromisoformat(f"{SATURDAY}T10:30"))
