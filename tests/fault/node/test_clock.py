"""The clock of the machine is set forward and back: nothing stops for ever because of what it said in between."""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time

from tests.integration.node.test_promise_pass import promise
from tests.nodedaemon import QUIET, plan
from tests.nodes import Machine, Script, eventually, runner

from pilothouse.cli import node_run
from pilothouse.clock import ManualClock, SystemClock
from pilothouse.node import destruction, pidfile
from pilothouse.node.daemon import status
from pilothouse.node.daemon.keeper import Keeper
from pilothouse.node.daemon.status import Last

YEARS = 10 * 365 * 86400
LATER = time.time() + YEARS


def test_a_success_of_the_future_is_not_believed(node: Machine, master: Script) -> None:
    node.release("echo x >> times")
    place = node.partition()
    master.partition("slappart0", "stopped", timestamp="1")
    node.instance()
    os.utime(place / ".timestamp", (LATER, LATER))
    node.instance()
    node.instance()
    assert (place / "times").read_text().split() == ["x", "x"]
    assert (place / ".timestamp").stat().st_mtime < LATER - 86400


def test_a_promise_that_was_put_off_for_years_is_checked(node: Machine, master: Script) -> None:
    node.release()
    place = promise(node, "slappart0", "echo checked >> times")
    master.partition("slappart0", "started", timestamp="1", access_status="ok")
    node.instance()
    card = place / ".slapgrid" / "promise" / "cache" / "p"
    document = json.loads(card.read_text())
    card.write_text(json.dumps({**document, "timestamp": LATER, "next_run_after": LATER + 120}))
    log = place / ".slapgrid" / "promise" / "log" / "p.log"
    log.write_text(log.read_text().replace(log.read_text().split()[4].split("-")[0], str(int(LATER))))
    node.instance()
    node.instance()
    assert (place / "times").read_text().split() == ["checked"] * 2
    assert json.loads(card.read_text())["next_run_after"] < LATER


def test_a_retention_of_years_becomes_what_was_asked_for(node: Machine, master: Script) -> None:
    place = node.partition()
    (place / ".slapos-retention-lock-delay").write_text("2.0")
    clock = ManualClock()
    assert destruction.is_retained(place, clock.time() + YEARS)
    assert destruction.is_retained(place, clock.time())
    clock.advance(2 * 86400 + 1)
    assert not destruction.is_retained(place, clock.time())
    # what somebody wrote down without a delay is his own business
    (place / ".slapos-retention-lock-delay").unlink()
    (place / ".slapos-retention-lock-date").write_text(str(clock.time() + YEARS))
    assert destruction.is_retained(place, clock.time())


class JumpingClock(SystemClock):
    """The machine's clock, set by hand."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


async def test_the_daemon_does_not_wait_for_the_time_of_day(node: Machine, master: Script) -> None:
    node.release()
    node.partition()
    master.partition("slappart0", "stopped", timestamp="1")
    plan(node, master.url, QUIET.replace("instance = 3600", "instance = 1"))
    chosen = argparse.Namespace(cfg=str(node.cfg))
    clock = JumpingClock()
    keeper = Keeper(lambda: node_run._order(chosen, ["--quiet"]), clock=clock)
    running = asyncio.create_task(keeper.run())
    last: Last | None = None

    def another() -> bool:
        shown = status.load(node.instances)
        return shown is not None and shown.passes["instance"].last not in (None, last)

    for ahead in (YEARS, -YEARS):
        clock.ahead = ahead
        for _ in range(2):
            await asyncio.to_thread(eventually, another)
            last = status.load(node.instances).passes["instance"].last  # type: ignore[union-attr]
            assert last is not None
            assert last.code == 0
    keeper.stop()
    assert await running == 0


def test_a_pid_file_of_an_earlier_life_is_stale(node: Machine, master: Script) -> None:
    """Its number is another process's now, whose command line happens to have the word in it."""
    node.release(runner("exec sleep 1000"))
    node.partition()
    master.partition("slappart0", "started", timestamp="1")
    stranger = subprocess.Popen([sys.executable, "-c", "input()", "slapos"], stdin=subprocess.PIPE)
    try:
        file = node.root / "instance.pid"
        file.write_text(str(stranger.pid))
        assert "is aleady running" in node.instance(code=10).err
        os.utime(file, (1, 1))
        assert "was stale, overwritten" in node.instance().err
    finally:
        stranger.communicate(b"\n")


def test_the_daemon_above_a_pass_is_no_pass(node: Machine) -> None:
    file = node.root / "instance.pid"
    file.write_text(str(os.getppid()))
    with pidfile.held(str(file)):
        assert file.read_text() == str(os.getpid())
