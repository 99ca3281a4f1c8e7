"""Failure patterns over log lines."""

import re

from pilothouse.engine.alarm import Alarm, Watch


def watch(*patterns: str, every: bool = False, exclude: str = "", warn_only: bool = False) -> Watch:
    spared = re.compile(exclude) if exclude else None
    return Watch(patterns=tuple(map(re.compile, patterns)), every=every, exclude=spared, warn_only=warn_only)


def test_one_line_more_after_the_first_match_of_an_operation_check_63() -> None:
    alarm = Alarm()
    assert not alarm.armed
    alarm.arm("k", watch("bad", "worse"))
    assert alarm.look(["good", "bad", "worse"]) == [
        "good",
        "bad",
        "ERROR: a line matches the failure pattern bad or worse",
        "worse",
    ]
    assert alarm.verdict == "a line matches the failure pattern bad or worse: bad"
    alarm.begin()
    assert alarm.verdict == ""
    assert alarm.look(["good"]) == ["good"]
    assert len(alarm.look(["bad again"])) == 2


def test_all_patterns_of_one_line_exclusion_and_warnings() -> None:
    assert not watch("a", "b", every=True).matches("a")
    assert watch("a", "b", every=True).matches("xbxa")
    assert not watch("a", exclude="^fine").matches("fine a")
    alarm = Alarm()
    alarm.arm("k", watch("bad", warn_only=True))
    assert alarm.look(["bad"]) == ["bad", "WARN: a line matches the failure pattern bad; only warned of"]
    assert alarm.verdict == ""


def test_a_watch_of_the_same_name_takes_the_old_ones_place() -> None:
    alarm = Alarm()
    alarm.arm("k", watch("a"))
    alarm.arm("k", watch("b"))
    alarm.look(["a"])
    assert alarm.verdict == ""
