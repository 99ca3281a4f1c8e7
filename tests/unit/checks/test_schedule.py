"""When checks are due."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.checks import schedule
from pilothouse.checks.schedule import DISABLED, DUE, LATER, Card

_TIMES = st.integers(1_000_000_000, 2_000_000_000).map(float)
_CARDS = st.builds(
    schedule.stamped,
    tested=st.booleans(),
    detected=st.booleans(),
    periodicity=st.floats(0.01, 10_000),
    now=_TIMES,
    anomaly=st.booleans(),
    module=st.text(max_size=20),
    mtime=_TIMES,
)


@given(_CARDS, st.booleans(), st.booleans(), _TIMES)
def test_a_check_runs_when_its_time_has_come(card: Card, anomaly: bool, forced: bool, now: float) -> None:
    turn = schedule.turn(card, anomaly=anomaly, forced=forced, now=now)
    if not (card.is_anomaly_detected if anomaly else card.is_tested):
        assert turn == DISABLED
    elif forced or now >= card.next_run_after or now < card.timestamp:
        assert turn == DUE
    else:
        assert turn == LATER


@given(_CARDS)
def test_no_check_waits_longer_than_its_periodicity(card: Card) -> None:
    assert card.next_run_after - card.timestamp <= card.periodicity * 60 + 1
    later = card.timestamp + card.periodicity * 60 + 1
    for anomaly in (True, False):
        assert schedule.turn(card, anomaly=anomaly, forced=False, now=later) != LATER


@given(_CARDS)
def test_a_card_is_read_as_it_was_written(card: Card) -> None:
    assert schedule.read(json.loads(json.dumps(card._asdict()))) == card
    assert list(card._asdict()) == [
        *("is_tested", "is_anomaly_detected", "periodicity", "timestamp", "next_run_after"),
        *("module_file", "module_file_mtime"),
    ]


@pytest.mark.parametrize("document", [None, [], {}, "x", dict.fromkeys(schedule.Card._fields, True)])
def test_garbage_is_no_card_and_makes_a_check_due(document: object) -> None:
    assert schedule.read(document) is None
    assert schedule.turn(None, anomaly=True, forced=False, now=0) == DUE
