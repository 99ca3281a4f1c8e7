"""The rows of the failure matrix that no other test holds (node spec, section 25)."""

import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.fault.node.test_passes import await_build, gone, held_up
from tests.nodes import URL, Machine, Script, eventually, runner
from tests.sshd import free_port

from pilothouse.node.layout import NodePlace
from pilothouse.node.supervisor_rpc import Supervisor

PASSES = ("software", "instance", "promise", "report")
FORMAT = (
    "[slapformat]", "partition_amount = 1", "interface_name = none", "ipv4_local_network = 127.22.0.0/24",
    "alter_user = false", "alter_network = false", "create_tap = false",
)  # fmt: skip


def shaped(node: Machine, url: str) -> None:
    node.configure(url, *FORMAT, f"computer_xml = {node.root}/slapos.xml")


@pytest.mark.parametrize("status", [None, 403, 503])
def test_the_master_is_away(node: Machine, master: Script, status: int | None) -> None:
    """Everything ends with its own code, and nothing on this machine is touched."""
    shaped(node, master.url if status else f"http://127.0.0.1:{free_port()}/")
    place = node.partition()
    master.partition("slappart0", "started", timestamp="1")
    for name in ("getFullComputerInformation", "loadComputerConfigurationFromXML"):
        master.answer(name, status or 200)
    master.answer("getComputerInformation", status or 200)
    for word, code in zip(PASSES, (1, 3, 1, 1), strict=True):
        node.run(word, code=code)
        assert list(place.iterdir()) == []
    node.run("format", "--now", code=2)
    assert (place / ".slapos-resource").exists()
    assert (node.root / "slapos.xml").exists()


def test_the_master_goes_away_while_releases_are_built(node: Machine, master: Script) -> None:
    """The release whose end it does not hear is told again; the next one is tried."""
    releases = [node.release(url=url) for url in ("one", "two")]
    for url in ("one", "two"):
        master.supply(url)
    master.answer("availableSoftwareRelease", 503)
    node.run("software", code=1)
    assert [told["url"] for told in master.told("availableSoftwareRelease")] == ["one", "two"]
    assert "503" in master.told("softwareReleaseError")[0]["error_log"]
    assert not any((release / ".completed").exists() for release in releases)


def test_the_master_goes_away_while_instances_are_processed(node: Machine, master: Script) -> None:
    node.release()
    for number in range(3):
        node.partition(f"slappart{number}")
        master.partition(f"slappart{number}", "started", timestamp="1")
    node.configure(master.url, "parallel_partitions = 1")
    master.answer("startedComputerPartition", 500)
    node.instance(code=3)
    assert len(master.told("startedComputerPartition")) == 1
    assert not (node.instances / "slappart1" / "worked").exists()


def test_the_master_goes_away_while_partitions_are_destroyed(node: Machine, master: Script) -> None:
    """What it does not hear is logged only; what it hears next time is that nothing is there."""
    place = node.partition()
    node.release()
    master.partition("slappart0", "destroyed")
    for name in ("stoppedComputerPartition", "destroyedComputerPartition"):
        master.answer(name, 503)
    (place / "x").touch()
    node.run("report")
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("word", PASSES)
def test_a_pass_of_the_same_kind_is_under_way(node: Machine, master: Script, word: str) -> None:
    """Passes over instances and over promises are of one kind."""
    path = node.root / f"{'instance' if word == 'promise' else word}.pid"
    with subprocess.Popen(["sh", "-c", "sleep 100; : slapos"], start_new_session=True) as other:
        try:
            eventually(lambda: b"slapos" in Path(f"/proc/{other.pid}/cmdline").read_bytes())
            path.write_text(str(other.pid))
            assert f"is aleady running with pid {other.pid}, exiting." in node.run(word, code=10).err
        finally:
            os.killpg(other.pid, signal.SIGKILL)
    assert path.exists()
    assert master.calls() == []


@pytest.mark.parametrize("word", [*PASSES, "format", "prune", "bang", "boot", "status", "collect"])
def test_who_is_not_root_is_told(node: Machine, master: Script, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    shaped(node, master.url)
    node.cfg.write_text(node.cfg.read_text().replace("root_check = false\n", ""))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "ERROR This slapos command must be run as root.\n" in node.run(word, code=5).err
    assert master.calls() == []


def test_without_room_a_partition_fails_and_its_programs_stay(node: Machine, master: Script) -> None:
    node.partition()
    node.release(runner("exec sleep 1000"))
    master.partition("slappart0", "started", timestamp="1")
    node.instance()
    pids = node.pids()
    file = node.cfg.read_text()
    node.cfg.write_text(file.replace("instance_min_free_space = 1M", "instance_min_free_space = 900000T"))
    assert "(option 'instance_min_free_space')" in node.instance("--force", code=1).err
    assert node.pids() == pids


@pytest.mark.parametrize("state", ["stopped", "destroyed"])
def test_what_is_to_stop_stops_though_its_buildout_fails(node: Machine, master: Script, state: str) -> None:
    """Spec 25.1."""
    node.partition()
    node.release(runner("exec sleep 1000"))
    master.partition("slappart0", "started", timestamp="1")
    node.instance()
    node.release("exit 1")
    master.partition("slappart0", state, timestamp="2")
    node.instance(code=1 if state == "stopped" else 0)
    assert "slappart0:wrapper" not in node.status()


@pytest.fixture
def nearly_full() -> Iterator[Callable[[], None]]:
    """Give what lets no file grow beyond some bytes: pid files have room, profiles have not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (64, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_fails_the_item_and_spoils_no_file(
    node: Machine, master: Script, nearly_full: Callable[[], None]
) -> None:
    place, release = node.partition(), node.release()
    master.supply(URL)
    master.partition("slappart0", "stopped", timestamp="1")
    node.instance()
    profile = (place / "buildout.cfg").read_bytes()
    master.partition("slappart0", "stopped", timestamp="2")
    nearly_full()
    node.instance(code=1)
    node.run("software", code=1)
    assert not (place / ".timestamp").exists()
    assert not (release / ".completed").exists()
    assert (place / "buildout.cfg").read_bytes() == profile
    assert not (release / "buildout.cfg").exists()


@pytest.mark.parametrize(
    ("word", "call"), [("software", "softwareReleaseError"), ("instance", "softwareInstanceError")]
)
def test_an_interruption_is_told_and_leaves_nothing_running(
    node: Machine, master: Script, word: str, call: str
) -> None:
    place = held_up(node, master, word)
    process = node.start(word)
    await_build(node, place)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode in {130, -signal.SIGINT}
    assert gone(place / "child")
    assert not (node.root / f"{word}.pid").exists()
    (told,) = master.told(call)
    assert "KeyboardInterrupt" in told["error_log"]
    node.apart(word)


def test_an_interrupted_report_is_told(node: Machine, master: Script) -> None:
    place = node.partition()
    node.release()
    master.partition("slappart0", "destroyed")
    (place / "sbin").mkdir()
    script = place / "sbin/destroy"
    script.write_text("#!/bin/sh\necho $$ > pid\nexec sleep 3212\n")
    script.chmod(0o755)
    process = node.start("report")
    eventually(lambda: (place / "pid").exists() and (place / "pid").read_text().strip())
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert gone(place / "pid")
    (told,) = master.told("softwareInstanceError")
    assert "KeyboardInterrupt" in told["error_log"]
    assert "destroyedComputerPartition" not in master.calls()


@pytest.mark.parametrize("word", ["report", "promise"])
def test_supervisord_is_started_by_passes_that_need_it(node: Machine, master: Script, word: str) -> None:
    master._serve()
    node.run(word)
    running = Supervisor(NodePlace(node.instances).socket).state() == "RUNNING"
    assert running is (word == "report")
