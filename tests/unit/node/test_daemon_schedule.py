"""When passes begin: intervals, chance, groups, signals, failures."""

import dataclasses
import itertools
from collections.abc import Callable

import pytest

from pilothouse.node.daemon.plan import KINDS, Plan
from pilothouse.node.daemon.schedule import BUSY, Schedule, Why

HOUR = 3600


def plan(**intervals: int) -> Plan:
    return Plan(intervals={kind.name: intervals.get(kind.name, 0) for kind in KINDS}, jitter=0.0)


@dataclasses.dataclass
class World:
    """A schedule whose time a test moves; passes take ``takes`` seconds."""

    schedule: Schedule
    now: float = 0.0
    takes: float = 2.0

    def begun(self, code: int = 0, until: float = 0.0) -> list[tuple[float, str, Why]]:
        """Return what begins up to a moment, each pass ending with this code."""
        found: list[tuple[float, str, Why]] = []
        while True:
            for kind, why in self.schedule.due(self.now):
                found.append((self.now, kind.name, why))
                self.schedule.began(kind.name, why, self.now)
                self.schedule.ended(kind.name, code, self.now + self.takes)
            pause = self.schedule.pause(self.now)
            if pause is None or self.now + pause > until:
                self.now = max(self.now, until)
                return found
            self.now += pause or 0.001


def world(chance: Callable[[], float] = lambda: 0.5, **intervals: int) -> World:
    return World(Schedule(plan(**intervals), 0.0, chance))


def times(found: list[tuple[float, str, Why]], name: str = "instance") -> list[float]:
    return [round(at, 1) for at, one, _ in found if one == name]


def test_early_kinds_begin_at_once_and_others_somewhere_in_their_interval() -> None:
    found = world(instance=60, report=HOUR).begun(until=2 * HOUR)
    assert times(found)[:3] == [0, 60, 120]
    assert times(found, "report") == [HOUR / 2, HOUR * 1.5]
    assert found[0] == (0.0, "instance", "start")
    assert found[1][2] == "timer"


def test_what_is_not_wanted_never_begins() -> None:
    assert {name for _, name, _ in world(instance=60).begun(until=3 * HOUR)} == {"instance"}


def test_intervals_vary_so_that_machines_drift_apart() -> None:
    chances = iter([0.0, 1.0, 0.5] * 10)
    moving = Schedule(Plan(intervals=plan(instance=100).intervals, jitter=0.2), 0.0, lambda: next(chances))
    assert times(World(moving).begun(until=400)) == [0, 90, 200, 300, 390]


def test_a_long_pass_is_followed_by_a_pause_not_by_a_queue() -> None:
    slow = world(instance=60)
    slow.takes = 200
    assert times(slow.begun(until=410)) == [0, 201, 402]


def test_one_of_a_group_at_a_time() -> None:
    schedule = world(instance=60, promise=60).schedule
    schedule.wake(["promise", "instance"])
    ((first, _),) = schedule.due(0.0)
    schedule.began(first.name, "hand", 0.0)
    assert schedule.due(100.0) == []
    assert schedule.pause(100.0) is None
    schedule.ended(first.name, 0, 100.0)
    ((second, why),) = schedule.due(100.0)
    assert {first.name, second.name} == {"instance", "promise"}
    assert why == "hand"


def test_a_signal_is_heeded_at_once_and_once() -> None:
    one = world(instance=60)
    one.begun(until=10)
    for moment in (10.0, 10.1, 10.15):
        one.schedule.signal(["instance", "report", "nothing"], moment)
    assert times(one.begun(until=65)) == [10.2]  # not wanted kinds are passed over
    assert times(one.begun(until=75)) == [70.2]


def test_a_signal_during_a_pass_asks_for_another_one() -> None:
    schedule = world(instance=60).schedule
    schedule.began("instance", "timer", 0.0)
    schedule.signal(["instance"], 5.0)
    assert schedule.pause(5.0) is None
    schedule.ended("instance", 0, 20.0)
    assert schedule.due(20.0) == [(schedule.turns["instance"].kind, "signal")]


def test_a_node_whose_own_reports_come_back_for_ever_is_not_kept_busy() -> None:
    echo = world(instance=60)
    echo.begun(until=10)
    begun = []
    while echo.now < 10 * 60:
        echo.schedule.signal(["instance"], echo.now)
        begun += echo.begun(until=echo.now + 0.5)
    gaps = [b - a for a, b in itertools.pairwise(times(begun))]
    assert gaps[0] < 5
    assert all(later >= earlier - 0.5 for earlier, later in itertools.pairwise(gaps))
    assert 55 < gaps[-1] <= 61
    quiet = echo.begun(until=echo.now + 200)
    assert len(quiet) >= 3
    echo.schedule.signal(["instance"], echo.now)
    before = echo.now
    assert times(echo.begun(until=echo.now + 20)) == [round(before + 0.2, 1)]


def test_what_a_pass_has_just_said_itself_is_no_news() -> None:
    schedule = world(software=60).schedule
    schedule.began("software", "timer", 0.0)
    schedule.signal(["software"], 5.0, echo=True)
    schedule.ended("software", 1, 10.0)
    schedule.signal(["software"], 12.0, echo=True)
    assert schedule.due(12.5) == []
    schedule.signal(["software"], 30.0, echo=True)
    assert len(schedule.due(30.5)) == 1


def test_patient_kinds_are_tried_less_often_while_they_fail() -> None:
    found = world(software=60).begun(code=1, until=2 * HOUR)
    gaps = [b - a for a, b in itertools.pairwise(times(found, "software"))]
    assert gaps[:6] == pytest.approx([60, 120, 240, 480, 960, 960])
    assert len(times(world(instance=60).begun(code=3, until=HOUR - 1))) == 60


def test_a_signal_ends_the_patience() -> None:
    failing = world(software=60)
    failing.begun(code=1, until=HOUR)
    failing.schedule.signal(["software"], failing.now)
    before = failing.now
    assert times(failing.begun(until=before + 5), "software") == [round(before + 0.2, 1)]
    assert failing.schedule.turns["software"].failures == 0


def test_somebody_elses_pass_is_asked_for_again_soon() -> None:
    busy = world(report=HOUR)
    busy.schedule.wake(["report"])
    assert times(busy.begun(code=BUSY, until=30), "report") == [0, 12, 24]
    assert busy.schedule.turns["report"].failures == 0


def test_while_the_master_is_heard_software_waits_for_its_word() -> None:
    heard = world(software=60, instance=60)
    heard.schedule.heard = True
    found = heard.begun(until=HOUR - 1)
    assert times(found, "software") == [0, 900, 1800, 2700]
    assert len(times(found)) == 60  # promises have no other clock
    heard.schedule.heard = False
    assert times(heard.begun(until=HOUR + 60), "software")[0] == HOUR - 1


def test_a_new_plan_keeps_what_runs_and_forgets_it_afterwards() -> None:
    schedule = world(instance=60, report=HOUR).schedule
    schedule.began("report", "timer", 0.0)
    schedule.replan(plan(instance=10, collect=60), 5.0)
    assert set(schedule.turns) == {"instance", "collect", "report"}
    assert schedule.turns["instance"].interval == 10
    schedule.ended("report", 0, 6.0)
    assert set(schedule.turns) == {"instance", "collect"}
    assert "report" not in {name for _, name, _ in World(schedule, 6.0).begun(until=2 * HOUR)}
