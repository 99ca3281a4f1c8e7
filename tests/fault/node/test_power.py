"""Power that fails: at any moment of a pass, and of the whole machine; what ignores its end."""

import contextlib
import os
import random
import signal
import subprocess

from tests.integration.node.test_format import shaped
from tests.machine import nap, running
from tests.nodedaemon import daemon
from tests.nodes import Machine, Script, eventually, is_gone, runner

from pilothouse.node.layout import NodePlace
from pilothouse.node.supervisor_rpc import Supervisor


def test_a_pass_that_is_killed_anywhere_leaves_nothing_undone_or_double(node: Machine, master: Script) -> None:
    """Kills at moments all over a pass; what is there afterwards is what one whole pass makes."""
    asleep = nap()
    node.release(runner(f"exec {asleep}"))
    places = [node.partition(f"slappart{number}") for number in range(3)]
    chance = random.Random(7)
    for number in range(8):
        for place in places:
            master.partition(place.name, "started", timestamp=str(number))
        process = node.start("instance")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0.05, 0.5))
        process.kill()
        process.communicate()
    node.apart("instance")
    assert {(place / ".timestamp").read_text() for place in places} == {"7"}
    mine = {f"{place.name}:wrapper" for place in places}
    eventually(lambda: mine <= set(node.pids()))
    assert not [path for path in node.root.rglob("*.child") if path.is_file()]
    assert sorted(running(asleep)) == sorted(pid for name, pid in node.pids().items() if name in mine)


def test_after_the_power_came_back_everything_is_there_once(node: Machine, master: Script) -> None:
    shaped(node, master, amount=1)
    asleep = nap()
    node.release(runner(f"echo $$ >> began\nexec {asleep}"))
    place = node.partition()
    master.partition("slappart0", "started", timestamp="1")
    with daemon(node) as kept:
        kept.last("instance")
        eventually((place / "began").exists)
        # everything dies at once, and every file stays as it is
        supervisord = int((node.instances / "var/run/supervisord.pid").read_text())
        (service,) = running(asleep)
        for pid in (kept.process.pid, supervisord, service):
            os.kill(pid, signal.SIGKILL)
        kept.process.wait(60)
    eventually(lambda: is_gone(service) and is_gone(supervisord))
    assert (node.instances / "sv.sock").exists()
    (node.root / "instance.pid").write_text(str(os.getpid()))
    os.utime(node.root / "instance.pid", (1, 1))

    node.apart("boot")
    assert not (place / ".timestamp").exists()
    master.calls()
    with daemon(node) as kept:
        assert kept.last("instance").code == 0, kept.text
        eventually(lambda: len((place / "began").read_text().split()) >= 2)
        assert len(running(asleep)) == 1
        assert (place / ".timestamp").read_text() == "1"
        assert "startedComputerPartition" in master.calls()


def test_a_program_that_ignores_its_end_is_killed(node: Machine, master: Script) -> None:
    asleep = nap()
    node.release(runner(f"trap '' TERM INT HUP\nwhile true; do {asleep} & wait; done"))
    place = node.partition()
    master.partition("slappart0", "started", timestamp="1")
    node.instance()
    hasten(node, asleep)
    pid = node.pids()["slappart0:wrapper"]
    master.partition("slappart0", "stopped", timestamp="2")
    node.instance()
    assert is_gone(pid)
    assert running(asleep) == []
    assert "slappart0:wrapper" not in node.pids()
    assert (place / ".timestamp").read_text() == "2"
    assert "stoppedComputerPartition" in master.calls()


def hasten(node: Machine, asleep: str) -> None:
    """Let supervisord wait a second, not a minute, before it kills what it was told to stop."""
    file = node.instances / "etc/supervisord.conf.d/slappart0.conf"
    file.write_text(file.read_text().replace("stopwaitsecs = 60", "stopwaitsecs = 1"))
    supervisor = Supervisor(NodePlace(node.instances).socket)
    supervisor.call("signalProcessGroup", "slappart0", "KILL")
    eventually(lambda: "slappart0:wrapper" not in node.pids())
    supervisor.call("reloadConfig")
    supervisor.call("removeProcessGroup", "slappart0")
    supervisor.call("addProcessGroup", "slappart0")
    supervisor.call("startProcessGroup", "slappart0")
    for left in running(asleep):
        os.kill(left, signal.SIGKILL)
