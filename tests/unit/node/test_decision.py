"""What is done with a partition (node spec, sections 11.3 and 11.5)."""

import pytest

from pilothouse.node.decision import Last, Verdict, decide, is_free, periodicity_of

PROCESS, CHECK, LEAVE = Verdict.PROCESS, Verdict.CHECK, Verdict.LEAVE


@pytest.mark.parametrize(
    ("timestamp", "state", "last", "periodicity", "forced", "stops", "expected"),
    [
        ("1", "started", Last("1", 100), 50, False, False, CHECK),
        ("1", "stopped", Last("1", 100), 50, False, False, LEAVE),
        ("1", "destroyed", Last("1", 100), 50, False, False, LEAVE),
        ("1", "started", Last("1", 49), 50, False, False, PROCESS),
        ("1", "stopped", Last("1", 49), 50, False, False, PROCESS),
        ("1", "stopped", Last("1", 0), -1, False, False, LEAVE),
        ("1", "stopped", Last("1", 100), 0, False, False, PROCESS),
        ("2", "stopped", Last("1", 100), 50, False, False, PROCESS),
        ("0", "stopped", Last("1", 100), -1, False, False, PROCESS),
        (None, "stopped", Last("1", 100), 50, False, False, PROCESS),
        ("1", "started", Last("1", 150), 50, False, False, CHECK),
        ("1", "started", Last("1", 1e9), 50, False, False, PROCESS),
        ("1", "started", Last("1", 1e9), -1, False, False, CHECK),
        ("1", "stopped", None, 50, False, False, PROCESS),
        ("1", "stopped", Last("1", 100), 50, True, False, PROCESS),
        ("1", "started", Last("1", 100), 50, False, True, PROCESS),
        ("1", "stopped", Last("1", 100), 50, False, True, LEAVE),
    ],
)
def test_each_case(
    timestamp: str | None,
    state: str,
    last: Last | None,
    periodicity: int,
    forced: bool,
    stops: bool,
    expected: Verdict,
) -> None:
    assert decide(timestamp, state, last, 100.0, periodicity, forced=forced, stops=stops) is expected


def test_periodicity_and_freedom() -> None:
    assert periodicity_of(None, 7) == 7
    assert periodicity_of(" 3\n", 7) == 3
    assert periodicity_of("abc", 7) is None
    assert is_free("destroyed", None)
    assert not is_free("destroyed", "u")
    assert not is_free("stopped", None)
