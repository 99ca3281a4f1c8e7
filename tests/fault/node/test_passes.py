"""Passes of the node that are killed, told to end, or meet (issue's faults; node spec, section 25)."""

import signal
from pathlib import Path

import pytest
from tests.nodes import URL, Machine, Script, eventually, is_gone, runner

HANGS = "[ -e again ] && { touch built; exit 0; }\ntouch again\necho $$ > pid\nsleep 3210 &\necho $! > child\nwait"


def gone(path: Path) -> bool:
    return is_gone(int(path.read_text()))


def held_up(node: Machine, master: Script, word: str) -> Path:
    """Prepare a release and a partition whose buildout hangs the first time; returns where it runs."""
    release = node.release(HANGS)
    bootstrap = node.root / "bootstrap.py"  # the pass after a failure makes bin/buildout anew; it is there already
    bootstrap.touch()
    node.configure(master.url, f"buildout = {bootstrap}")
    master.supply(URL)
    place = node.partition()
    master.partition("slappart0", "stopped", timestamp="1")
    return release if word == "software" else place


def await_build(node: Machine, place: Path) -> None:
    """Wait until the buildout hangs, and the pass has noted that it runs."""
    eventually(lambda: (place / "child").exists() and (place / "child").read_text().strip())
    eventually(lambda: any(node.root.rglob("*.child")))


@pytest.mark.parametrize("word", ["software", "instance"])
def test_after_a_kill_the_next_pass_ends_what_was_left_and_goes_on(node: Machine, master: Script, word: str) -> None:
    place = held_up(node, master, word)
    process = node.start(word)
    await_build(node, place)
    process.kill()
    process.communicate()
    assert not gone(place / "child")
    assert not (place / ".completed").exists()
    assert not (place / ".timestamp").exists()

    assert "Ending what an interrupted pass left running" in node.apart(word)
    assert gone(place / "pid")
    assert gone(place / "child")
    assert (place / "built").exists()
    assert (place / (".completed" if word == "software" else ".timestamp")).exists()


def test_a_pass_that_is_told_to_end_takes_its_programs_along(node: Machine, master: Script) -> None:
    """Check 79: the pid file stays, and the next pass works."""
    place = held_up(node, master, "instance")
    process = node.start("instance")
    await_build(node, place)
    process.terminate()
    process.communicate()
    assert process.returncode == -signal.SIGTERM
    assert gone(place / "pid")
    assert gone(place / "child")
    assert (node.root / "instance.pid").exists()
    node.apart("instance")
    assert (place / ".timestamp").read_text() == "1"


def test_a_destruction_that_was_killed_is_finished_by_the_next_report(node: Machine, master: Script) -> None:
    node.release(f"mkdir -p sbin\ncat > sbin/destroy <<'END'\n#!/bin/sh\n{HANGS}\nEND\nchmod 755 sbin/destroy")
    place = node.partition()
    master.partition("slappart0", "stopped", timestamp="1")
    node.apart("instance")
    master.partition("slappart0", "destroyed", timestamp="2")
    process = node.start("report")
    await_build(node, place)
    process.kill()
    process.communicate()
    left = int((place / "child").read_text())
    assert not is_gone(left)
    assert "destroyedComputerPartition" not in master.calls()

    assert "Ending what an interrupted pass left running" in node.apart("report")
    assert is_gone(left)
    assert list(place.iterdir()) == []
    assert "destroyedComputerPartition" in master.calls()


def test_two_passes_at_once_are_one(node: Machine, master: Script) -> None:
    place = held_up(node, master, "instance")
    first = node.start("instance")
    await_build(node, place)
    assert f"is aleady running with pid {first.pid}, exiting." in node.apart("instance", code=10)
    first.terminate()
    first.communicate()


@pytest.mark.parametrize("answer", [b"", b"<marshal><object", b"<html>not a master</html>"])
def test_a_master_that_lies_changes_nothing(node: Machine, master: Script, answer: bytes) -> None:
    place = node.partition()
    node.release(runner("exec sleep 1000"))
    master.partition("slappart0", "started", timestamp="1")
    node.instance()
    pids = node.pids()
    master._web.answers["/getFullComputerInformation"] = master._web.answers["/startedComputerPartition"]._replace(
        body=answer
    )
    node.instance(code=3)
    node.run("software", code=1)
    node.run("report", code=1)
    assert node.pids() == pids
    assert (place / ".timestamp").read_text() == "1"


def test_a_service_that_ignores_its_end_is_killed_with_its_partition(node: Machine, master: Script) -> None:
    place = node.partition()
    node.release(runner("(trap '' TERM HUP INT; cd /; setsid sleep 3211) &\necho $! > stubborn\nexec sleep 3211"))
    master.partition("slappart0", "started", timestamp="1")
    node.instance()
    eventually(lambda: (place / "stubborn").exists() and (place / "stubborn").read_text().strip())
    master.partition("slappart0", "destroyed", timestamp="2")
    pid = int((place / "stubborn").read_text())
    node.run("report")
    assert is_gone(pid)
    assert list(place.iterdir()) == []
