"""What events add to logs and console: the markers that log viewers look for (spec sections 5.4 and 5.5)."""

import re

import pytest
from tests.unit.engine.samples import (
    AT,
    NODE,
    ended,
    job_ended,
    job_started,
    lines,
    node_ended,
    node_skipped,
    node_started,
    skipped,
    started,
)

from pilothouse.engine.events import Event, GroupStarted, Notice, PhaseEnded, PhaseStarted, RoundStarted
from pilothouse.engine.watchers.console import console_lines
from pilothouse.engine.watchers.files import plain_name, prefixed
from pilothouse.engine.watchers.logs import log_lines
from pilothouse.jobs.states import State, Tally


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (node_started(), ["======[5001]10.0.0.1:7001 Launched by ssh://app@10.0.0.1:2200======"]),
        (
            started("op_1", help="two\nlines"),
            [
                "------START--[op_1] target execution start...",
                "# two",
                "# lines",
                "INFO: Execute -> tool --a b",
            ],
        ),
        (started("op_1", command=""), ["------START--[op_1] target execution start..."]),
        (lines("a", "b"), ["a", "b"]),
        (skipped("op_1"), ["INFO: Operation op_1 has been executed in status:succeed, skip."]),
        (
            ended("op_1"),
            [
                "FINE: Execute operation op_1 success.",
                "------END--[op_1] execution complete, duration: 0.25 second.",
                "",
            ],
        ),
        (
            ended("op_1", State.FAILED, code=3, reason="exit code 3"),
            [
                "ERROR: Execute operation op_1 failed: exit code 3",
                "------END--[op_1] execution complete, duration: 0.25 second.",
                "",
            ],
        ),
        (
            ended("op_1", State.FAILED, code=3, reason="exit code 3", fail_ignored=True),
            [
                "WARN: Execute operation op_1 failed, ignored: exit code 3",
                "------END--[op_1] execution complete, duration: 0.25 second.",
                "",
            ],
        ),
        (node_ended(), ["======[5001]10.0.0.1:7001 Ended in status:succeed, duration: 2.50 second.======"]),
        (
            node_ended(State.FAILED, reason="op_1: exit code 3"),
            [
                "ERROR: op_1: exit code 3",
                "======[5001]10.0.0.1:7001 Ended in status:failed, duration: 2.50 second.======",
            ],
        ),
        (job_started(), []),
    ],
)
def test_lines_of_a_node_log(event: Event, expected: list[str]) -> None:
    assert list(log_lines(event)) == expected


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (job_started(), r"INFO: Job 1002 run 1 started by admin, 2 node runs\."),
        (GroupStarted(at=AT, group=1, strategy="oneShot"), r"INFO: Group 1 \(oneShot\) begin"),
        (PhaseStarted(at=AT, group=0, phase="p", total=3, parallel=2), r"INFO: Phase p begin, 3 nodes, 2 at a time\."),
        (RoundStarted(at=AT, phase="p", round=1, rounds=2, total=3), r"INFO: Phase p round 1/2, 3 nodes\."),
        (node_started(), r"INFO: Node \[5001\]10.0.0.1:7001 in phase deploy begin\."),
        (node_skipped(), r"INFO: Node \[5001\]10.0.0.1:7001 in phase deploy succeed before, skip\."),
        (node_ended(), r"FINE: Node \[5001\]10.0.0.1:7001 in phase deploy succeed\."),
        (node_ended(State.FAILED, reason="why"), r"ERROR: Node \[5001\]10.0.0.1:7001 in phase deploy failed: why"),
        (Notice(at=AT, level="WARN", text="mind"), r"WARN: mind"),
        (job_ended(), r"FINE: Job 1002 succeed, duration: 1\.50 second\."),
    ],
)
def test_lines_of_the_console(event: Event, expected: str) -> None:
    (line,) = console_lines(event)
    assert re.match(expected, line)


def test_a_phase_ends_with_all_counts_and_a_rule() -> None:
    counts = Tally(succeeded=1, ignored=2, failed=3, aborted=4, paused=5, skipped=6)
    event = PhaseEnded(at=AT, group=0, phase="p", state=State.FAILED, tally=counts, warnings=0)
    first, rule = console_lines(event)
    assert first == "ERROR: Phase p failed, success:1, fail:3, ignore:2, pause:5, abort:4, skip:6."
    assert set(rule) == {"-"}


def test_what_operations_print_is_not_on_the_console() -> None:
    assert console_lines(lines("secret plans")) == []
    assert console_lines(started("op_1")) == []


def test_a_text_of_several_lines_becomes_several_lines() -> None:
    assert prefixed("12:00:00 ", ["a\nb", ""]) == ["12:00:00 a\n", "12:00:00 b\n", "12:00:00 \n"]


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("admin", "admin"),
        ("a/b.c d", "a_b_c_d"),
        ("\u5f20\u4e09@x", "\u5f20\u4e09@x"),
        ("", "anonymous"),
        ("a" * 300, "a" * 50),
    ],
)
def test_users_in_names_of_files(user: str, expected: str) -> None:
    assert plain_name(user) == expected


def test_a_node_is_named_by_its_documented_words() -> None:
    assert NODE.key == "10.0.0.1-7001-5001"
