"""How checks came to fail."""

from hypothesis import given
from hypothesis import strategies as st

from pilothouse.checks import story
from pilothouse.checks.history import Execution, Line
from pilothouse.checks.story import Change


def execution(number: int, failed: bool) -> Execution:
    return Execution(f"{number}-111", number, (Line("", "ERROR" if failed else "INFO", "x"),))


@given(st.lists(st.booleans()))
def test_the_last_streak(failed: list[bool]) -> None:
    told = story.told(execution(number, one) for number, one in reversed(list(enumerate(failed))))
    fine = max((number for number, one in enumerate(failed) if not one), default=None)
    streak = len(failed) - (-1 if fine is None else fine) - 1
    assert told == (len(failed) - streak if streak else None, streak, fine)


def test_only_what_came_before() -> None:
    changes = [Change(at, str(at)) for at in (1.0, 5.0, 3.0, 9.0)]
    assert story.before(changes, 5, 2) == [Change(5.0, "5.0"), Change(3.0, "3.0")]
