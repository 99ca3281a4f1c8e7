"""When a partition is processed again, and what happens while the master is away (checks 28 to 43)."""

import os
import time

import pytest
from tests.nodes import URL, Machine, Script, eventually, runner
from tests.sshd import free_port

from pilothouse.node.layout import md5_of

STOPPED = "stoppedComputerPartition"


def processed(node: Machine, master: Script, *words: str, code: int = 0) -> bool:
    master.calls()
    node.instance(*words, code=code)
    return STOPPED in master.calls()


@pytest.mark.parametrize("timestamp", ["1795332396", "1795332396.91"])
def test_check_28_to_31_and_36_a_timestamp_is_processed_once(node: Machine, master: Script, timestamp: str) -> None:
    place = node.partition()
    node.release()
    master.partition("slappart0", "stopped", timestamp=timestamp)
    assert [processed(node, master) for _ in range(2)] == [True, False]
    assert (place / ".timestamp").read_text() == timestamp
    for other in ("1795332395", "1795332397"):
        master.partition("slappart0", "stopped", timestamp=other)
        assert [processed(node, master) for _ in range(2)] == [True, False]
    assert processed(node, master, "--force")
    assert not processed(node, master)


def test_check_32_and_33_a_release_says_how_often(node: Machine, master: Script) -> None:
    for number, url in enumerate((URL, "other")):
        node.partition(f"slappart{number}")
        node.release(url=url)
        master.partition(f"slappart{number}", "stopped", url, timestamp="1")
    file = node.software / md5_of(URL) / "periodicity"
    node.instance()
    mark = node.instances / "slappart0" / ".timestamp"
    for text, age, expected in (("1", 2, True), ("-1", 10**6, False), ("0", 0, True), ("abc", 90000, True)):
        file.write_text(text)
        os.utime(mark, (time.time() - age, time.time() - age))
        master.calls()
        node.instance()
        told = [form["computer_partition_id"] for form in master.told(STOPPED)]
        assert told == ["slappart0"] * expected, text
    assert not file.exists()
    assert not processed(node, master)


def test_check_34_a_failure_is_tried_again_even_a_forced_one(node: Machine, master: Script) -> None:
    place = node.partition()
    node.release()
    master.partition("slappart0", "stopped", timestamp="1")
    assert processed(node, master)
    node.release("exit 1")
    for words, timestamp in (("--force",), "1"), ((), "2"):
        master.partition("slappart0", "stopped", timestamp=timestamp)
        node.instance(*words, code=1)
        assert not (place / ".timestamp").exists()
        node.instance(code=1)
    node.release()
    assert processed(node, master)


def test_check_37_the_master_is_not_reachable(node: Machine, master: Script) -> None:
    node.configure(f"http://127.0.0.1:{free_port()}/")
    assert "INFO Processing computer partitions offline...\n" in node.instance(code=3).err


def test_check_38_and_39_the_master_is_out_of_order(node: Machine, master: Script) -> None:
    node.partition()
    node.release(runner("echo once >> ran"))
    master.partition("slappart0", "started", timestamp="1")
    node.instance()
    ran = node.instances / "slappart0" / "ran"
    eventually(lambda: ran.exists() and node.status()["slappart0:wrapper"] == "EXITED")
    master.answer("getFullComputerInformation", 503)
    before = sorted(path.name for path in ran.parent.iterdir())
    node.instance(code=3)
    eventually(lambda: ran.read_text() == "once\nonce\n")
    assert sorted(path.name for path in ran.parent.iterdir()) == before


def test_offline_what_an_older_version_wanted_stopped_stops(node: Machine, master: Script) -> None:
    place = node.partition()
    node.release(runner("exec sleep 1000"))
    master.partition("slappart0", "started", timestamp="1")
    node.instance()
    (place / ".requested_state").write_text("stopped\n")
    master.answer("getFullComputerInformation", 503)
    node.instance(code=3)
    assert "slappart0:wrapper" not in node.status()
    assert not (place / ".requested_state").exists()


def test_check_41_the_master_fails_in_the_middle(node: Machine, master: Script) -> None:
    place = node.partition()
    node.release()
    master.partition("slappart0", "started", timestamp="1")
    master.answer("startedComputerPartition", 500)
    assert "offline" in node.instance(code=3).err
    assert not (place / ".timestamp").exists()
    assert master.told("softwareInstanceError") == []


def test_check_42_and_43_what_an_instance_requests_is_told(node: Machine, master: Script) -> None:
    place = node.partition()
    file = place / ".slapos-request-transaction-slappart0"
    node.release("")
    file.write_text("stale\n")
    master.partition("slappart0", "started")
    node.instance()
    assert not file.exists()
    node.release(f"echo child > {file.name}")
    node.instance()
    (told,) = master.told("updateComputerPartitionRelatedInstanceList")
    assert told["instance_reference_xml"] == '<marshal><list id="i2"><string>child</string></list></marshal>'
    master.answer("updateComputerPartitionRelatedInstanceList", 404)
    assert "WARNING The master does not take the list" in node.instance().err


def test_only_some_partitions_and_unknown_ones(node: Machine, master: Script) -> None:
    node.release()
    for number in range(2):
        node.partition(f"slappart{number}")
        master.partition(f"slappart{number}", "stopped")
    assert "Unknown partitions: a, b\n" in node.instance("--only-cp", "b,slappart0,a", code=1).err
    master.calls()
    node.instance("--only", "slappart1")
    assert [told["computer_partition_id"] for told in master.told(STOPPED)] == ["slappart1"]


def test_force_stop_lasts_until_the_next_pass(node: Machine, master: Script) -> None:
    node.partition()
    node.release(runner("exec sleep 1000"))
    master.partition("slappart0", "started", timestamp="1")
    node.instance()
    assert node.status()["slappart0:wrapper"] == "RUNNING"
    master.calls()
    node.instance("--force-stop")
    assert "slappart0:wrapper" not in node.status()
    assert master.calls() == ["getFullComputerInformation"]
    node.instance()
    assert node.status()["slappart0:wrapper"] == "RUNNING"


def test_roots_must_be_there(node: Machine, master: Script) -> None:
    for word in ("instance", "software"):
        assert "/nowhere does not exist." in node.run(word, "--software-root", "/nowhere", code=1).err
