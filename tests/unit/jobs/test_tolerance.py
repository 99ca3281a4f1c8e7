"""How many nodes may fail before no further ones are started."""

from typing import Any

import pytest

from pilothouse.errors import Problem
from pilothouse.jobs.fields import Fields
from pilothouse.jobs.tolerance import Tolerance, read_tolerance


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, Tolerance(7)),
        ("", Tolerance(7)),
        (0, Tolerance(0)),
        (3, Tolerance(3)),
        ("3", Tolerance(3)),
        ("10%", Tolerance(10, True)),
        ("100%", Tolerance(100, True)),
    ],
)
def test_forms(value: Any, expected: Tolerance) -> None:
    problems: list[Problem] = []
    assert read_tolerance(Fields({"maxFailures": value}, "$", problems), Tolerance(7)) == expected
    assert problems == []


@pytest.mark.parametrize("value", [-1, "-1", "101%", "many", True, 1.5, [], "1 %", "\u0663"])
def test_anything_else_is_told(value: Any) -> None:
    problems: list[Problem] = []
    read_tolerance(Fields({"maxFailures": value}, "$.runFlow[0]", problems), Tolerance())
    assert [problem.path for problem in problems] == ["$.runFlow[0].maxFailures"]


def test_numbers_and_shares() -> None:
    assert not Tolerance().covers(1, 10)
    assert Tolerance(2).covers(2, 10)
    assert not Tolerance(2).covers(3, 10)
    assert Tolerance(10, percent=True).covers(1, 10)
    assert not Tolerance(10, percent=True).covers(1, 9)
    assert Tolerance(100, percent=True).covers(9, 9)
