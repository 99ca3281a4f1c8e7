"""The daemon killed, told to end while it works, or left without supervisord; passes that were killed beside it."""

import os
import signal
from pathlib import Path

import pytest
from tests.nodedaemon import QUIET, daemon, plan
from tests.nodes import URL, Machine, Script, eventually, is_gone, runner

HANGS = "[ -e again ] && { touch built; exit 0; }\ntouch again\necho $$ > pid\nsleep 3212 &\necho $! > child\nwait"
OFTEN = QUIET.replace("instance = 3600", "instance = 1")


def gone(path: Path) -> bool:
    return is_gone(int(path.read_text()))


def held_up(node: Machine, master: Script, text: str = QUIET) -> Path:
    """A partition whose buildout hangs the first time."""
    node.release(HANGS)
    place = node.partition()
    master.partition("slappart0", "stopped", timestamp="1")
    plan(node, master.url, text)
    return place


def await_build(node: Machine, place: Path) -> None:
    eventually(lambda: (place / "child").exists() and (place / "child").read_text().strip())
    eventually(lambda: any(node.root.rglob("*.child")))


def test_a_daemon_that_was_killed_disturbs_nothing_and_the_next_one_goes_on(node: Machine, master: Script) -> None:
    node.release(runner("exec sleep 1000"))
    node.partition()
    master.partition("slappart0", "started", timestamp="1", access_status="ok")
    plan(node, master.url, OFTEN)
    with daemon(node) as first:
        first.last("instance")
        pids = node.pids()
        first.end(signal.SIGKILL)
        assert node.pids() == pids
    with daemon(node) as second:
        assert second.last("instance").code in {0, 10}
        eventually(lambda: second.shown().passes["instance"].last.code == 0)  # type: ignore[union-attr]
        assert node.pids() == pids
    assert node.pids() == pids


def test_the_pass_of_a_daemon_that_was_killed_is_not_made_twice(node: Machine, master: Script) -> None:
    place = held_up(node, master, OFTEN)
    with daemon(node) as first:
        await_build(node, place)
        orphan = first.shown().passes["instance"].running
        assert orphan is not None
        first.end(signal.SIGKILL)
        with daemon(node) as second:
            assert second.last("instance").code == 10
            assert not is_gone(orphan.pid)
            os.kill(orphan.pid, signal.SIGKILL)  # the next pass ends what it leaves
            second.send(signal.SIGUSR1)
            eventually((place / ".timestamp").exists, second.text)
            assert gone(place / "child")
            assert "Ending what an interrupted pass left running" in second.text


def test_at_the_end_a_pass_may_go_on_for_a_while_and_is_ended_then(node: Machine, master: Script) -> None:
    place = held_up(node, master, QUIET + "\nstop_wait = 1")
    with daemon(node) as kept:
        await_build(node, place)
        kept.send(signal.SIGTERM)
        assert kept.process.wait(60) == 0
        assert gone(place / "pid")
        assert gone(place / "child")
    assert "Waiting for: instance" in kept.text
    assert "instance is ended by SIGTERM" in kept.text
    assert not (place / ".timestamp").exists()


def test_told_twice_it_does_not_wait(node: Machine, master: Script) -> None:
    place = held_up(node, master, QUIET + "\nstop_wait = 3600")
    with daemon(node) as kept:
        await_build(node, place)
        kept.send(signal.SIGINT)
        eventually(lambda: "Waiting for: instance" in kept.text)
        assert not gone(place / "child")
        assert kept.end(signal.SIGTERM) == 0
        assert gone(place / "child")


def test_a_pass_that_ends_in_time_is_waited_for(node: Machine, master: Script) -> None:
    node.release("while [ ! -e go ]; do sleep 0.05; done; touch built")
    place = node.partition()
    master.partition("slappart0", "stopped", timestamp="1")
    plan(node, master.url)
    with daemon(node) as kept:
        eventually(lambda: any(node.root.rglob("*.child")))
        kept.send(signal.SIGTERM)
        eventually(lambda: "Waiting for: instance" in kept.text)
        (place / "go").touch()
        assert kept.process.wait(60) == 0
        assert (place / ".timestamp").read_text() == "1"


def test_without_supervisord_everything_comes_back_once(node: Machine, master: Script) -> None:
    node.release(runner("echo $$ >> began\nexec sleep 3213"))
    place = node.partition()
    master.partition("slappart0", "started", timestamp="1", access_status="ok")
    plan(node, master.url, OFTEN)
    with daemon(node) as kept:
        kept.last("instance")
        eventually((place / "began").exists)
        first = node.pids()["slappart0:wrapper"]
        os.kill(int((node.instances / "var/run/supervisord.pid").read_text()), signal.SIGKILL)
        eventually(lambda: len((place / "began").read_text().split()) == 2, kept.text)
        assert is_gone(first)
        eventually(lambda: node.pids().get("slappart0:wrapper"))
        kept.last("instance", after=kept.last("instance", after=kept.last("instance")))
        assert len((place / "began").read_text().split()) == 2


@pytest.mark.parametrize("word", ["report", "software", "instance"])
def test_a_pass_that_is_killed_is_made_again(node: Machine, master: Script, word: str) -> None:
    """A kill -9 of a pass is a failure like others for the daemon."""
    place = node.partition()
    release = node.release(HANGS)
    (node.root / "bootstrap.py").touch()
    node._lines.append(f"buildout = {node.root}/bootstrap.py")
    master.partition("slappart0", "stopped", timestamp="1")
    if word == "software":
        master.supply(URL)
        place = release
    elif word == "report":
        reports = node.partition() / "etc" / "report"
        reports.mkdir(parents=True)
        (reports / "usage").write_text("#!/bin/sh\ncd ../..\n" + HANGS)
        (reports / "usage").chmod(0o755)
    quiet = "\n".join(f"{one} = {3600 if one == word else 0}" for one in ("instance", "software", "report"))
    plan(node, master.url, f"{quiet}\nformat = 0")
    with daemon(node) as kept:
        kept.shown()
        kept.send(signal.SIGUSR1)
        await_build(node, place)
        running = kept.shown().passes[word].running
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)
        last = kept.last(word)
        assert last.code == -signal.SIGKILL
        assert not gone(place / "child")
        kept.send(signal.SIGUSR1)
        assert kept.last(word, after=last).code == 0, kept.text
        assert gone(place / "child")
        assert (place / "built").exists()
    assert f"{word} ended with -9: it was ended by signal 9" in kept.text
