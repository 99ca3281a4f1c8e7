"""Clocks: the machine's, and the one that tests set."""

import time
from collections.abc import Iterator

import pytest

from pilothouse.clock import Clock, ManualClock, SystemClock, stamp


@pytest.fixture(params=[("UTC0", "22:13:20"), ("CST-8", "06:13:20")])
def zone(request: pytest.FixtureRequest) -> Iterator[str]:
    """Set the local time zone; the value is 1,700,000,000 s in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", request.param[0])
        time.tzset()
        yield request.param[1]
    time.tzset()


def test_the_manual_clock_moves_only_when_told() -> None:
    clock: Clock = (manual := ManualClock(100.0))
    assert (clock.time(), clock.monotonic()) == (100.0, 100.0)
    manual.advance(2.5)
    assert (clock.time(), clock.monotonic()) == (102.5, 102.5)


def test_the_machines_clock_goes_forward() -> None:
    clock: Clock = SystemClock()
    first = clock.monotonic()
    assert clock.monotonic() >= first
    assert clock.time() > 1_700_000_000


def test_stamps_are_local_time(zone: str) -> None:
    assert stamp(1_700_000_000.9, "%H:%M:%S") == zone
