"""Results, and what silence means."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.checks import result
from pilothouse.checks.check import BOTH_DISABLED, Check, executed
from pilothouse.checks.result import ANOMALY, EMPTY, TEST, Result


@given(st.builds(Result, st.sampled_from([TEST, ANOMALY]), st.booleans(), st.text(), st.integers(0, 4_000_000_000)))
def test_a_result_is_read_as_it_was_written(found: Result) -> None:
    assert result.read(json.loads(json.dumps(found.document()))) == found


def test_a_result_has_the_documented_form() -> None:
    assert json.dumps(Result(TEST, False, "all good", 1795332873).document()) == (
        '{"type": "Test Result", "failed": false, "date": "2026-11-22T07:34:33+0000", "message": "all good"}'
    )


@pytest.mark.parametrize("document", [None, {}, {"type": 1}, {**Result(TEST, True, "", 0).document(), "date": "x"}])
def test_garbage_is_no_result(document: object) -> None:
    assert result.read(document) is None


def test_long_messages_keep_their_end() -> None:
    assert result.shortened("x" * 5000) == "x" * 5000
    assert result.shortened("a" + "x" * 5000) == "..." + "x" * 5000


@pytest.mark.parametrize(
    ("kind", "before", "failed"),
    [
        (TEST, None, True),
        (ANOMALY, None, False),
        (ANOMALY, Result(ANOMALY, False, "fine", 0), False),
        (ANOMALY, Result(ANOMALY, False, "ERROR: Promise timed out after 20 seconds", 0), True),
        (ANOMALY, Result(ANOMALY, True, "bad", 0), True),
    ],
)
def test_silence(kind: str, before: Result | None, failed: bool) -> None:
    assert result.without_answer(kind, "Error: x", before, 5) == Result(kind, failed, "Error: x", 5)


class _Judged:
    def __init__(self, failed: bool, message: str) -> None:
        self.message = message
        self._failed = failed

    def hasFailed(self) -> bool:  # noqa: N802
        return self._failed


def _check(judge: object, tested: bool = True, detected: bool = True) -> tuple[Check, list[str]]:
    said: list[str] = []

    def judged() -> object:
        if isinstance(judge, Exception):
            raise judge
        return judge

    def sense() -> None:
        raise OSError("no sense")

    return Check(sense, judged, judged, lambda error: said.append(str(error)), tested, detected), said


@pytest.mark.parametrize("anomaly", [False, True])
def test_an_execution_senses_and_judges(anomaly: bool) -> None:
    kind = ANOMALY if anomaly else TEST
    check, said = _check(_Judged(True, "m"))
    assert executed(check, anomaly=anomaly, clock=lambda: 7) == Result(kind, True, "m", 7)
    assert said == ["no sense"]
    check, _ = _check(None)
    assert executed(check, anomaly=anomaly, clock=lambda: 7).message.endswith("method returned 'None'")
    check, _ = _check(ValueError("odd"))
    assert executed(check, anomaly=anomaly, clock=lambda: 7) == Result(kind, True, "odd", 7)


def test_disabled_modes() -> None:
    check, said = _check(_Judged(True, "m"), tested=False)
    assert executed(check, anomaly=False, clock=lambda: 7).kind == EMPTY
    assert not said
    check, _ = _check(_Judged(False, "m"), tested=False, detected=False)
    assert executed(check, anomaly=False, clock=lambda: 7) == Result(TEST, True, BOTH_DISABLED, 7)
