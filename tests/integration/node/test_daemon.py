"""``pilothouse node run``: passes without cron, status, signals, one daemon a node."""

import json
import os
import signal
import socket
import time
from pathlib import Path

import pytest
from tests.nodedaemon import QUIET, daemon, plan
from tests.nodes import Machine, Script, eventually, runner

from pilothouse.cli.main import main
from pilothouse.cli.node_run import writes_to_journal
from pilothouse.node import pidfile
from pilothouse.node.daemon.notify import Notifier


@pytest.fixture
def place(node: Machine, master: Script) -> Path:
    """A partition with a service that is to run."""
    node.release(runner("exec sleep 1000"))
    folder = node.partition()
    master.partition("slappart0", "started", timestamp="1", access_status="ok")
    plan(node, master.url)
    return folder


def command(capsys: pytest.CaptureFixture[str], node: Machine, *words: str) -> tuple[int, str]:
    capsys.readouterr()
    code = main(["node", words[0], "--cfg", str(node.cfg), *words[1:]])
    return code, "".join(capsys.readouterr())


def test_a_node_is_kept_from_the_start_to_the_end(
    node: Machine, master: Script, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(capsys, node, "status")[0] == 4
    assert command(capsys, node, "wake")[0] == 7
    with daemon(node) as kept:
        first = kept.last("instance")
        assert (first.code, first.why) == (0, "start")
        assert kept.last("software").code == 0
        assert "slappart0:wrapper" in node.pids()

        code, text = command(capsys, node, "status")
        assert code == 0
        for part in (f"process {kept.process.pid} since", "absent: the master is asked at intervals", "3600 s", "done"):
            assert part in text
        shown = json.loads(command(capsys, node, "status", "--json")[1])
        assert shown["running"] is True
        assert shown["passes"]["instance"]["last"]["code"] == 0
        assert shown["passes"]["report"]["next"] > time.time() - 5

        master.partition("slappart0", "stopped", timestamp="2")
        assert command(capsys, node, "wake")[0] == 0
        assert kept.last("instance", after=first).why == "hand"
        assert "slappart0:wrapper" not in node.pids()
        assert kept.end() == 0
    assert "instance begins: asked by hand" in kept.text
    assert "This node is kept no more; its instances run on" in kept.text
    assert "Traceback" not in kept.text
    code, text = command(capsys, node, "status")
    assert code == 4
    assert "start one with: pilothouse node run" in text
    assert json.loads(command(capsys, node, "status", "--json")[1])["running"] is False


def test_there_is_one_daemon_a_node(node: Machine, place: Path) -> None:
    with daemon(node) as first:
        first.last("instance")
        with daemon(node) as second:
            assert second.process.wait() == 7
        assert f"process {first.process.pid} keeps this node already" in second.text
        assert first.shown().pid == first.process.pid


def test_a_master_without_a_stream_is_asked_at_intervals(node: Machine, master: Script, place: Path) -> None:
    plan(node, master.url, "instance = 1\nsoftware = 1\nreport = 1\njitter = 50\nformat = 0")
    with daemon(node) as kept:
        for name in ("instance", "software", "report"):
            kept.last(name, after=kept.last(name))
        master.partition("slappart0", "stopped", timestamp="2")
        eventually(lambda: (place / ".timestamp").exists() and (place / ".timestamp").read_text() == "2", kept.text)
        assert kept.shown().stream.state == "absent"


def test_a_pass_by_hand_and_the_daemon_leave_each_other_alone(node: Machine, master: Script, place: Path) -> None:
    plan(node, master.url, QUIET.replace("instance = 3600", "instance = 1"))
    with pidfile.held(f"{node.root}/instance.pid"), daemon(node) as kept:
        assert kept.last("instance").code == 10
        assert kept.last("software").code == 0
        assert not (place / ".timestamp").exists()
        assert kept.shown().passes["instance"].failures == 0
    with daemon(node) as kept:
        assert kept.last("instance").code == 0


def test_the_configuration_is_read_again_or_kept(node: Machine, master: Script, place: Path) -> None:
    with daemon(node) as kept:
        first = kept.last("instance")
        node.cfg.write_text(node.cfg.read_text().replace("instance = 3600", "instance = often"))
        kept.send(signal.SIGHUP)
        eventually(lambda: "give a whole number" in kept.shown().fault)
        assert kept.shown().passes["instance"].interval == 3600
        plan(node, master.url, "instance = 1\nsoftware = 0\nreport = 0\nformat = 0")
        kept.send(signal.SIGHUP)
        kept.last("instance", after=kept.last("instance", after=first))
        eventually(lambda: set(kept.shown().passes) == {"instance"})
        assert kept.shown().fault == ""
    assert "the one before is in force" in kept.text


def test_a_pass_that_fails_is_told_once_and_its_end_too(node: Machine, master: Script, place: Path) -> None:
    plan(node, master.url, QUIET.replace("instance = 3600", "instance = 1"))
    node.release("exit 1")
    with daemon(node) as kept:
        last = kept.last("instance")
        assert last.code == 1
        for _ in range(2):
            last = kept.last("instance", after=last)
        assert kept.text.count("instance ended with 1: it failed") == 1
        node.release(runner("exec sleep 1000"))
        eventually(lambda: "INFO instance is done" in kept.text, kept.text)


def test_systemd_is_told(node: Machine, place: Path) -> None:
    door = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    where = node.root / "notify"
    with door:
        door.bind(str(where))
        door.settimeout(60)
        where.chmod(0o777)
        with daemon(node, NOTIFY_SOCKET=str(where), WATCHDOG_USEC="3600000000") as kept:
            assert {door.recv(1000).decode() for _ in range(2)} == {"READY=1", "WATCHDOG=1"}
            kept.last("instance")
            supervisord = int((node.instances / "var" / "run" / "supervisord.pid").read_text())
            assert b"NOTIFY_SOCKET" not in Path(f"/proc/{supervisord}/environ").read_bytes()
            kept.send(signal.SIGTERM)
            assert door.recv(1000) == b"STOPPING=1\nEXTEND_TIMEOUT_USEC=105000000"


def test_a_sign_of_life_comes_twice_in_the_time_that_is_allowed(node: Machine, place: Path) -> None:
    assert Notifier({"WATCHDOG_USEC": "200000"}).interval == 0.1
    assert Notifier({"WATCHDOG_USEC": "200000", "WATCHDOG_PID": "1"}).interval is None
    assert Notifier({}).interval is None
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(str(node.root / "notify"))
        door.settimeout(60)
        (node.root / "notify").chmod(0o777)
        with daemon(node, NOTIFY_SOCKET=str(node.root / "notify"), WATCHDOG_USEC="50000"):
            said = [door.recv(1000) for _ in range(5)]
        assert said.count(b"WATCHDOG=1") == 4


def test_in_the_journal_lines_have_no_time_of_their_own() -> None:
    status = os.fstat(2)
    assert writes_to_journal({"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
    assert not writes_to_journal({"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino + 1}"})
    assert not writes_to_journal({})


def test_a_node_that_is_not_there_is_named(node: Machine, master: Script, capsys: pytest.CaptureFixture[str]) -> None:
    node.cfg.write_text(node.cfg.read_text().replace(str(node.instances), str(node.root / "nowhere")))
    code, text = command(capsys, node, "run")
    assert code == 2
    assert "nowhere does not exist" in text
    if os.geteuid():
        node.cfg.write_text(node.cfg.read_text().replace("root_check = false", ""))
        assert command(capsys, node, "run")[0] == 7


def test_the_idle_daemon_is_lean(node: Machine, place: Path) -> None:
    """It loads neither the database nor the client of the master, and has one thread."""
    with daemon(node) as kept:
        kept.last("instance")
        kept.last("software")
        process = Path(f"/proc/{kept.process.pid}")
        maps = (process / "maps").read_text()
        assert "sqlite" not in maps
        assert "sqlalchemy" not in maps
        assert "Threads:\t1\n" in (process / "status").read_text()
        resident = int((process / "status").read_text().partition("VmRSS:")[2].split()[0])
        assert resident < 40_000, "KiB"
