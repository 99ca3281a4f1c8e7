"""Rounds and parallelism: the documented numbers, and what holds for all of them (spec sections 4.2 and 4.4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.jobs.document import ExecRound
from pilothouse.jobs.rounds import parallelism, round_sizes, trigger_round


@pytest.mark.parametrize(
    ("count", "divisor", "expected"),
    [(10, 1, 10), (10, 5, 2), (10, 10, 1), (10, 0, 1), (10, 64, 1), (10, 3, 4), (10, -1, 1), (0, 1, 1), (1, 1, 1)],
)
def test_parallelism(count: int, divisor: int, expected: int) -> None:
    assert parallelism(count, divisor) == expected


@pytest.mark.parametrize(
    ("count", "divisor", "expected"),
    [
        (5, 2, [3, 2]),
        (10, 3, [4, 3, 3]),
        (3, 64, [1, 1, 1]),
        (3, 0, [1, 1, 1]),
        (3, -2, [1, 1, 1]),
        (4, 1, [4]),
        (0, 3, [0]),
        (0, 0, [0]),
    ],
)
def test_round_sizes(count: int, divisor: int, expected: list[int]) -> None:
    assert round_sizes(count, divisor) == expected


@given(st.integers(0, 500), st.integers(-5, 600))
def test_rounds_add_up_and_differ_by_one_at_the_most(count: int, divisor: int) -> None:
    sizes = round_sizes(count, divisor)
    assert sum(sizes) == count
    assert max(sizes) - min(sizes) <= 1
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) == max(1, min(divisor, count) if divisor > 0 else count)


@given(st.integers(1, 500), st.integers(-5, 600))
def test_parallelism_is_that_of_the_largest_round(count: int, divisor: int) -> None:
    assert 1 <= parallelism(count, divisor) <= count
    if divisor > 0:
        assert parallelism(count, divisor) == round_sizes(count, divisor)[0]


@given(st.integers(1, 1000))
def test_every_trigger_is_one_existing_round(rounds: int) -> None:
    first, middle, last = (trigger_round(when, rounds) for when in ExecRound)
    assert 1 == first <= middle <= last == rounds


@pytest.mark.parametrize(("rounds", "expected"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3)])
def test_the_middle_round(rounds: int, expected: int) -> None:
    assert trigger_round(ExecRound.MIDDLE, rounds) == expected
