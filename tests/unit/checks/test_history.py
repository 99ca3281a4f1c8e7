"""Logs are read back as they were written, whatever promises say."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from pilothouse.checks import evaluation, history
from pilothouse.checks.history import Execution, Line

_WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=20)
_MESSAGES = st.lists(_WORDS.filter(lambda text: not history._LINE.match(text)), min_size=1, max_size=3).map("\n".join)
_LEVELS = st.sampled_from(["INFO", "WARNING", "ERROR", "CRITICAL"])
_EXECUTIONS = st.lists(st.lists(st.tuples(_LEVELS, _MESSAGES), min_size=1, max_size=3), max_size=6).map(
    lambda said: [
        Execution(f"{1700000000 + n}-123", 1700000000 + n, tuple(Line("2026-11-22 07:34:33", *one) for one in lines))
        for n, lines in enumerate(said)
    ]
)


def log_of(executions: list[Execution]) -> list[str]:
    text = "".join(
        history.head(line.date, line.level, execution.id) + line.message + "\n"
        for execution in executions
        for line in execution.lines
    )
    return text.split("\n")[:-1]


@given(_EXECUTIONS)
def test_what_was_written_is_read(executions: list[Execution]) -> None:
    assert list(history.backwards(reversed(log_of(executions))))[::-1] == executions


def test_only_what_is_asked_for_is_read() -> None:
    def lines() -> Iterator[str]:
        yield from [
            "2026-11-22 07:34:33 - INFO - 1700000002-111 - b",
            "2026-11-22 07:34:33 - INFO - 1700000001-111 - a",
        ]
        raise AssertionError("read too far")

    assert next(history.backwards(lines())).message == "b"


def test_lines_before_the_first_head_belong_to_nothing() -> None:
    lines = ["garbage", "2026-11-22 07:34:33 - ERROR - 1700000001-111 - a", "b"]
    assert [one.message for one in history.backwards(reversed(lines))] == ["a\nb"]


@given(_EXECUTIONS, st.integers(1, 5), st.integers(1, 5))
def test_the_verdict_counts_failures_and_needs_the_last(executions: list[Execution], count: int, amount: int) -> None:
    last = evaluation.recent(reversed(executions), count, 0, 2e9)
    verdict = evaluation.judged(last, amount)
    considered = list(reversed(executions))[:count]
    if not considered:
        assert verdict == (False, "No result found!")
        return
    failures = [any(line.level in {"ERROR", "CRITICAL"} for line in one.lines) for one in considered]
    assert verdict.failed == (failures[0] and sum(failures) >= amount)
    assert verdict.message == considered[0].message


def test_old_executions_do_not_count() -> None:
    line = (Line("", "ERROR", "x"),)
    executions = [Execution("b", 1000, line), Execution("a", 500, line)]
    assert len(evaluation.recent(executions, 5, 1, 1050)) == 1
    assert len(evaluation.recent(executions, 5, 0, 1050)) == 2
    assert evaluation.recent(executions, 5, 1, 5000) == []


def test_executions_of_a_second_are_told_apart() -> None:
    moments = [1700000000 + number / 1000 for number in range(2000)]
    ids = [history.execution_id(moment) for moment in moments]
    assert len(set(ids)) >= len(ids) - 2  # as near as floating point goes
    assert ids[0] == "1700000000-000"
    assert all(history._LINE.match(history.head("2026-11-22 07:34:33", "INFO", one)) for one in ids)
