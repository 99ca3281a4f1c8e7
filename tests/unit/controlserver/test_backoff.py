"""Waits between attempts."""

from hypothesis import given
from hypothesis import strategies as st

from pilothouse.controlserver.backoff import Backoff


def test_waits_double_up_to_the_longest() -> None:
    waits = Backoff(first=0.5, longest=5)
    assert [waits.delay(attempt, 0.0) for attempt in range(1, 7)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


@given(st.integers(min_value=1), st.floats(min_value=0, max_value=1))
def test_chance_shortens_a_wait_by_half_at_the_most(attempt: int, chance: float) -> None:
    waits = Backoff()
    whole = waits.delay(attempt, 0.0)
    assert whole / 2 <= waits.delay(attempt, chance) <= whole <= waits.longest
