"""``slapos node collect`` (node spec, section 17)."""

import csv
import getpass
import json
import os
import sqlite3
import tarfile
from pathlib import Path

import pytest
from tests.nodes import Machine

from pilothouse.clock import ManualClock
from pilothouse.node import collect, collect_samples
from pilothouse.node.collect import Plan
from pilothouse.node.collect_store import TABLES
from pilothouse.slap import tio

_START = 1795332873.0  # 2026-11-22 07:34:33 UTC
_DAY = 86400


class Site:
    """An instance root whose only account is the one that runs the tests."""

    def __init__(self, root: Path) -> None:
        self.clock = ManualClock(_START)
        self.partition = root / "slappart0"
        (self.partition / ".slapgrid").mkdir(parents=True)
        (self.partition / "big").write_bytes(b"x" * 2**21)
        self.plan = Plan(
            computer_id="COMP<1>", instance_root=root, accounts={getpass.getuser(): self.partition},
            pid_folder=root / "var" / "run", seconds=0.05,
        )  # fmt: skip

    def run(self) -> None:
        collect.run(self.plan, self.clock)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(self.plan.data / "collector.db")
        try:
            return list(connection.execute(query))
        finally:
            connection.close()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_run(site: Site) -> None:
    site.run()
    for table, columns in TABLES.items():
        named = [str(row[1]) for row in site.rows(f"PRAGMA table_info({table})")]
        assert named == [*(name for name, _ in columns), "date", "time", "reported"]
    counts = {table: site.rows(f"SELECT COUNT(*) FROM {table}")[0][0] for table in TABLES}
    assert (counts["computer"], counts["system"], counts["folder"]) == (1, 1, 1)
    me = site.rows(f"SELECT * FROM user WHERE pid = {os.getpid()}")[0]
    assert me[0] == getpass.getuser()
    assert str(me[2]).startswith(f"{os.getpid()}-")
    assert me[-3:] == ("2026-11-22", "07:34:33", 0)
    assert 2048 <= float(str(site.rows("SELECT disk_used FROM folder")[0][0])) < 4096
    head, row = csv.reader((site.plan.data / "system_memory_used.csv").read_text().splitlines())
    assert head == ["time", "entry"]
    assert row[0] == "07:34:33"
    assert not list(site.plan.pid_folder.iterdir())


def test_directories_are_measured_once_a_cycle(site: Site) -> None:
    for seconds in (0, 60, _DAY):
        site.clock.advance(seconds)
        site.run()
    assert len(site.rows("SELECT 1 FROM folder")) == 2
    site.clock.advance(_DAY * 2)
    (site.plan.pid_folder / f"{getpass.getuser()}_disk_size.pid").write_text(str(os.getpid()))
    site.run()
    assert len(site.rows("SELECT 1 FROM folder")) == 2


def test_curves_of_counters_are_differences(site: Site) -> None:
    for _ in range(3):
        site.run()
        site.clock.advance(60)
    assert len(list(csv.reader((site.plan.data / "system_net_in_bytes.csv").read_text().splitlines()))) == 3
    assert len(list(csv.reader((site.plan.data / "system_loadavg.csv").read_text().splitlines()))) == 4
    assert list(site.plan.data.glob("system_disk_memory_free__*.csv"))


def test_days_that_are_over_are_packed_and_forgotten(site: Site) -> None:
    site.run()
    site.clock.advance(_DAY)
    site.run()
    assert {row[0] for row in site.rows("SELECT reported FROM user WHERE date = '2026-11-22'")} == {1}
    with tarfile.open(site.plan.data / "2026-11-22.tar.gz") as archive:
        names = archive.getnames()
        stream = archive.extractfile("2026-11-22/dump_system.csv")
        assert stream is not None
        assert b"2026-11-22,07:34:33,0" in stream.read()
    assert {"2026-11-22/dump_user.csv", "2026-11-22/dump_computer.csv"} <= set(names)
    assert not (site.plan.data / "2026-11-22").exists()
    site.clock.advance(_DAY * 16)
    site.run()
    assert not site.rows("SELECT 1 FROM user WHERE date = '2026-11-22'")


def test_journals_of_the_two_days_before(site: Site) -> None:
    (site.plan.reports).mkdir(parents=True)
    (site.plan.reports / "2026-11-21.xml.uploaded").touch()
    site.run()
    assert [path.name for path in site.plan.outbox.iterdir()] == ["2026-11-20.xml"]
    site.clock.advance(_DAY)
    site.run()
    content = (site.plan.outbox / "2026-11-22.xml").read_bytes()
    assert (site.plan.reports / "2026-11-22.xml").read_bytes() == content
    (transaction,) = tio.loads(content)
    assert b"<title>Eco Information for COMP&lt;1&gt; </title>" in content
    assert (transaction.start, transaction.stop) == ("2026-11-22 00:00:00", "2026-11-22 23:59:59")
    found = {(one.resource.partition("/")[2], one.reference): one.quantity for one in transaction.movements}
    assert found["zero_emission_ratio", "COMP<1>"] == -1
    assert found["memory_used", "COMP<1>"] > 0
    assert 2 <= found["disk_used", getpass.getuser()] < 4
    (site.plan.outbox / "2026-11-22.xml").unlink()
    site.run()
    assert not (site.plan.outbox / "2026-11-22.xml").exists()


def test_partitions_see_their_last_minute(site: Site) -> None:
    site.run()
    folder = site.partition / ".slapgrid" / "monitor"
    assert json.loads((folder / "monitor_resource.status.json").read_text()) == {}
    site.clock.advance(60)
    site.run()
    total = json.loads((folder / "monitor_resource.status.json").read_text())
    assert total["total_process"] >= 1
    assert total["date"] == "2026-11-22 07:34:00"
    processes = {one["pid"]: one for one in json.loads((folder / "monitor_process_resource.status.json").read_text())}
    assert processes[os.getpid()]["user"] == getpass.getuser()
    assert processes[os.getpid()]["command"]
    curve = json.loads((folder / "monitor_resource_memory.data.json").read_text())
    assert curve["data"][0] == "date, memory used percent, memory used"
    assert len(curve["data"]) == 2


def test_no_link_of_a_partition_is_followed(site: Site, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (site.partition / ".slapgrid" / "monitor").symlink_to(elsewhere)
    site.run()
    assert not list(elsewhere.iterdir())


def test_temperatures() -> None:
    text = "coretemp-isa-0000\nCore 0:  +45.0°C  (high = +80.0°C, crit = +100.0°C)\nCore 1: +85.0°C (high = +80.0°C)\n"
    text += "Core 2: +101.0°C (high = +80.0°C, crit = +100.0°C)\nfan1: 1200 RPM\n"
    assert collect_samples.readings(text) == [("Core 0", 45.0, 0), ("Core 1", 85.0, 1), ("Core 2", 101.0, 2)]
    assert collect_samples.readings("No sensors found!") == []


def test_the_command(node: Machine) -> None:
    if os.geteuid() != 0:
        assert "must be run as root" in node.run("collect", code=5).err
        return
    assert "partition_amount" in node.run("collect", code=1).err
    node.configure("http://127.0.0.1:1/", "[slapformat]", "partition_amount = 1", "partition_base_name = slappart")
    node.configure("http://127.0.0.1:1/", "user_base_name = nobody-of-this-name")
    done = node.run("collect")
    assert "Finished collecting." in done.err
    assert (node.instances / "var" / "data-log" / "collector.db").exists()
