"""Programs of partitions under supervisord (checks 44 to 54)."""

import os
import re
import signal
from configparser import RawConfigParser
from pathlib import Path

from tests.nodes import Machine, Script, eventually, is_gone, runner

from pilothouse.node.layout import NodePlace
from pilothouse.node.supervisor_rpc import Supervisor

SLEEP = "exec sleep 1000"


def deployed(node: Machine, master: Script, *scripts: str, name: str = "slappart0") -> Path:
    place = node.partition(name)
    node.release("\n".join(scripts))
    master.partition(name, "started", timestamp="1")
    node.instance()
    master.calls()
    return place


def test_check_44_how_programs_are_declared(node: Machine, master: Script) -> None:
    place = deployed(node, master, runner(SLEEP, "run", "a"), runner(SLEEP, "service", "b"))
    file = RawConfigParser()
    file.read(node.instances / "etc/supervisord.conf.d/slappart0.conf")
    assert file["group:slappart0"]["programs"] == "slappart0_a,slappart0_b"
    a, b = file["program:slappart0_a"], file["program:slappart0_b"]
    assert (a["process_name"], b["process_name"]) == ("a", "b-on-watch")
    assert (a["autostart"], a["autorestart"], a["stopwaitsecs"]) == ("false", "false", "60")
    assert (a["user"], a["group"]) == (str(node.owner), str(place.stat().st_gid))
    assert b["command"] == f"{place}/etc/service/b"


def test_check_46_and_47_only_a_changed_group_restarts(node: Machine, master: Script) -> None:
    deployed(node, master, runner(SLEEP, "service", "a"))
    node.partition("slappart1")
    master.partition("slappart1", "started", timestamp="1")
    node.instance()
    first = node.pids()
    node.release(runner(f": changed\n{SLEEP}", "service", "a"))
    node.instance("--force")
    assert node.pids() == first
    node.release(runner(SLEEP, "service", "a") + "\n" + runner(SLEEP, "service", "b"))
    node.instance("--force", "--only-cp", "slappart0")
    second = node.pids()
    assert second["slappart0:a-on-watch"] != first["slappart0:a-on-watch"]
    assert second["slappart1:a-on-watch"] == first["slappart1:a-on-watch"]
    node.instance("--force", "--only-cp", "slappart0")
    assert node.pids() == second


def test_check_48_and_49_the_master_hears_once_when_a_watched_program_ends(node: Machine, master: Script) -> None:
    place = deployed(node, master, runner(SLEEP, "run", "a"), runner(SLEEP, "service", "b"))
    os.kill(node.pids()["slappart0:a"], signal.SIGKILL)
    os.kill(node.pids()["slappart0:b-on-watch"], signal.SIGKILL)
    bang = place / ".slapos_latest_bang_timestamp"
    eventually(bang.exists)
    (told,) = master.told("softwareInstanceBang")
    assert told["message"] == "b-on-watch process in partition slappart0 encountered a problem"
    assert bang.read_text() == "1"

    Supervisor(NodePlace(node.instances).socket).call("startProcess", "slappart0:b-on-watch")
    os.kill(node.pids()["slappart0:b-on-watch"], signal.SIGKILL)
    eventually(lambda: node.status()["slappart0:b-on-watch"] == "EXITED")
    master.partition("slappart0", "started", timestamp="2.5")
    node.instance()
    os.kill(node.pids()["slappart0:b-on-watch"], signal.SIGKILL)
    eventually(lambda: bang.read_text() == "2.5")
    assert len(master.told("softwareInstanceBang")) == 2


def test_check_51_what_programs_see(node: Machine, master: Script) -> None:
    place = deployed(node, master, runner("/usr/bin/env > e; /bin/mv e env"))
    eventually((place / "env").exists)
    names = {line.partition("=")[0] for line in (place / "env").read_text().splitlines()}
    assert names - {"PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"} == {
        *("USER", "LOGNAME", "HOME", "SUPERVISOR_ENABLED", "SUPERVISOR_GROUP_NAME"),
        *("SUPERVISOR_PROCESS_NAME", "SUPERVISOR_SERVER_URL"),
    }


def test_check_52_after_a_shutdown_programs_wait_for_their_partition(node: Machine, master: Script) -> None:
    place = deployed(node, master, runner(SLEEP, "run", "a"))
    node.slapos("node", "supervisorctl", "--cfg", str(node.cfg), "shutdown")
    node.instance()
    assert node.status()["slappart0:a"] == "STOPPED"
    (place / ".timestamp").unlink()
    node.instance()
    assert node.status()["slappart0:a"] == "RUNNING"


def test_check_53_programs_by_hand(node: Machine, master: Script) -> None:
    deployed(node, master, runner("echo hello\n" + SLEEP, "run", "a"))
    eventually(lambda: node.status()["slappart0:a"] == "RUNNING")
    for words, code in (
        (("status",), 0), (("stop", "slappart0:"), 0), (("status",), 3), (("start", "slappart0:a"), 0),
        (("status", "nothing"), 4), (("start", "nothing"), 1), (("tail", "slappart0:a"), 0),
        (("supervisorctl", "restart", "slappart0:a"), 0), (("supervisord",), 0),
    ):  # fmt: skip
        assert node.slapos("node", words[0], "--cfg", str(node.cfg), *words[1:], code=code).code == code


def test_statuses_look_as_supervisorctl_shows_them(node: Machine, master: Script) -> None:
    deployed(node, master, runner(SLEEP, "run", "a"), runner("exit 3", "service", "b"), runner("", "run", "c" * 40))
    eventually(lambda: "STARTING" not in node.status().values())
    node.slapos("node", "stop", "--cfg", str(node.cfg), "slappart0:a")
    ours, theirs = (
        node.slapos("node", *words, code=3).out
        for words in (("status", "--cfg", str(node.cfg)), ("supervisorctl", "--cfg", str(node.cfg), "status"))
    )
    assert re.sub(r"uptime [\d:]+", "uptime", ours) == re.sub(r"uptime [\d:]+", "uptime", theirs)
    assert "slappart0:a " in ours


def test_check_54_the_older_socket_is_kept(node: Machine, master: Script) -> None:
    """Whoever answers at the newer one as well is ended."""
    deployed(node, master, runner(SLEEP, "run", "a"))
    first = node.pids()["slappart0:a"]
    (node.instances / "supervisord.socket").touch()
    assert "A second supervisord" in node.instance().err
    eventually(lambda: not (node.instances / "sv.sock").exists())
    assert is_gone(first)
    assert node.status()["slappart0:a"] == "STOPPED"
    node.slapos("node", "start", "--cfg", str(node.cfg), "slappart0:")
    assert node.status()["slappart0:a"] == "RUNNING"
    text = (node.instances / "etc/supervisord.conf").read_text()
    assert re.search(r"(?m)^file = .*/supervisord\.socket$", text)


def test_a_supervisord_that_was_killed_comes_back_with_everything_once(node: Machine, master: Script) -> None:
    place = deployed(node, master, runner(f"echo $$ >> pids\n{SLEEP}", "service", "a"))
    before = node.pids()["slappart0:a-on-watch"]
    os.kill(Supervisor(NodePlace(node.instances).socket).call("getPID"), signal.SIGKILL)
    eventually(lambda: Supervisor(NodePlace(node.instances).socket).state() is None)
    node.instance()
    eventually(lambda: node.status()["slappart0:a-on-watch"] == "RUNNING")
    after = node.pids()["slappart0:a-on-watch"]
    assert after != before
    assert is_gone(before)
    eventually(lambda: len((place / "pids").read_text().split()) == 2)
