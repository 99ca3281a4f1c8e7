"""The heating test of ``slapos node collect``, with a sensor that a test warms (node spec 17.11)."""

import os
import sqlite3
from pathlib import Path

import psutil
import pytest
from tests.namespaces import program

from pilothouse.clock import ManualClock
from pilothouse.node import heating, locks
from pilothouse.node.collect import Plan
from pilothouse.node.errors import NodeError

_DAY = 86400.0


class Room:
    """Gets warmer while processors are busy; the sensor is the file that the program ``sensors`` shows."""

    def __init__(self, root: Path, degrees: list[float]) -> None:
        self.clock = ManualClock(1795332873.0)
        self.degrees = degrees
        self.busy: list[int] = []
        self._file = root / "degrees"
        program(root / "bin", "sensors", f'echo "Core 0:  +$(cat {self._file})°C  (high = +80.0°C)"')
        self.plan = Plan(
            computer_id="C",
            instance_root=root,
            accounts={},
            pid_folder=root / "run",
            model_id="box",
            sensor_id="Core 0",
        )
        for folder in (self.plan.data, self.plan.pid_folder):
            folder.mkdir(parents=True)
        self._warm()

    def _warm(self) -> None:
        self._file.write_text(str(self.degrees.pop(0)))

    def sleep(self, seconds: float) -> None:
        self.busy.append(len(burning()))
        self.clock.advance(seconds)
        self._warm()

    def test(self, uptime: float) -> None:
        heating.run(self.plan, self.clock, uptime, self.sleep)

    def rows(self) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(self.plan.data / "collector.db")
        try:
            return list(connection.execute("SELECT * FROM heating"))
        finally:
            connection.close()


def burning() -> list[psutil.Process]:
    return [one for one in psutil.Process().children() if "sum(range" in " ".join(one.cmdline())]


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return Room(tmp_path, [40.0, 50.0, 61.5, 61.5, 30.0, 29.0])


def test_all_processors_are_loaded_until_it_gets_no_warmer(room: Room) -> None:
    room.test(2 * _DAY)
    (row,) = room.rows()
    assert row[:6] == ("box", "Core 0", 40.0, 61.5, 180.0, -1)
    assert row[6:8] == ("2026-11-22", "07:37:33")
    assert room.busy == [os.cpu_count()] * 3
    assert burning() == []


def test_once_in_each_time_that_the_machine_is_up(room: Room) -> None:
    room.test(_DAY / 2)
    assert room.rows() == []
    room.test(2 * _DAY)
    room.clock.advance(_DAY)
    room.test(3 * _DAY)
    assert len(room.rows()) == 1
    room.clock.advance(9 * _DAY)
    room.test(2 * _DAY)
    assert len(room.rows()) == 2


def test_only_one_pass_makes_it(room: Room) -> None:
    with locks.alone(room.plan.pid_folder, "heating") as mine:
        assert mine
        room.test(2 * _DAY)
    assert room.rows() == []


def test_a_sensor_that_is_not_there_is_named(room: Room) -> None:
    import msgspec

    room.plan = msgspec.structs.replace(room.plan, sensor_id="Core 9")
    with pytest.raises(NodeError, match="heating_sensor_id = Core 9 is no sensor of this machine; there are: Core 0"):
        room.test(2 * _DAY)
