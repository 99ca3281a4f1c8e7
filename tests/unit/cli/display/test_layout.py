from hypothesis import given
from hypothesis import strategies as st

from pilothouse.cli.display.layout import divide, shown_of


def test_a_usual_terminal() -> None:
    got = divide(20, active=2, over=1, failed=11, tails=[3] * 8, running=13)
    assert (got.active, got.failures, got.tail, got.running, got.over) == (2, 9, 0, 4, 0)


def test_a_tall_terminal_shows_output_and_ended_phases() -> None:
    got = divide(60, active=1, over=2, failed=2, tails=[3, 3], running=4)
    assert (got.active, got.failures, got.tail, got.running, got.over) == (1, 2, 3, 4, 2)


def test_failures_come_before_nodes_at_work() -> None:
    got = divide(4, active=0, over=0, failed=3, tails=[1] * 3, running=5)
    assert (got.failures, got.running) == (2, 0)


def test_others_are_mentioned_only_beside_one_that_is_shown() -> None:
    assert [shown_of(5, rows) for rows in (0, 1, 2, 5, 6)] == [0, 1, 1, 5, 6]


COUNT = st.integers(0, 30)


@given(st.integers(-3, 80), COUNT, COUNT, COUNT, st.integers(0, 3), COUNT)
def test_never_more_rows_than_there_are(
    rows: int, active: int, over: int, failed: int, tail: int, running: int
) -> None:
    got = divide(rows, active=active, over=over, failed=failed, tails=[tail] * min(9, failed), running=running)
    phases = got.active + got.over
    parts = (
        phases + 1 if phases else 0,
        got.failures + 2 if got.failures else 0,
        got.running + 2 if got.running else 0,
    )
    assert sum(parts) + got.tail * shown_of(failed, got.failures) <= max(0, rows)
    assert min(got.active, got.over, got.failures, got.tail, got.running) >= 0
