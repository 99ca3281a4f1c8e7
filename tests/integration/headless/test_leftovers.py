"""What a session may use and what it may leave: limits, groups, secrets (headless 13)."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.headlessdaemon import shim_of
from tests.headlessserver import Guest, Server, code, module, serving

from pilothouse.headless import messages
from pilothouse.headless.server.modules import Concurrency, Module
from pilothouse.headless.server.spool import Spool
from pilothouse.headless.shim import cgroup

# they leave the session, their parent and their environment behind
HIDDEN = """
import os, subprocess, time
print(*(subprocess.Popen(["env", "-i", "setsid", "sleep", "300"]).pid for _ in range(3)), flush=True)
time.sleep(300)
"""
SECRET = "a-word-that-nobody-may-find"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path) as found:
        yield found


def can_have_groups() -> bool:
    """Whether this machine lets a process of ours make a control group."""
    group = cgroup.make("probe", 0, 0)
    if group is not None:
        cgroup.remove(group)
    return group is not None


async def test_a_session_says_by_what_its_limits_are_held(server: Server) -> None:
    guest = await Guest.inside(server)
    accepted = await guest.start(module("LOOP"))
    await guest.prints("begun")
    held = Spool(server.spools / accepted.session).held()
    assert held is not None
    assert bool(held["group"]) == can_have_groups()
    assert held["memory"] in {"cgroup", "rlimit"}
    if held["group"]:
        assert len(cgroup.members(cgroup.Group(held["group"]))) >= 2, "the worker and what it started"


async def test_what_hides_from_its_session_ends_with_it(server: Server) -> None:
    """Who has no mark and no session any more is a child of the shim, and in the group when there is no shim."""
    guest = await Guest.inside(server)
    accepted = await guest.start(code(HIDDEN))
    hidden = (await guest.until(messages.Log)).text.split()
    held = Spool(server.spools / accepted.session).held()
    assert held is not None
    if held["group"]:
        os.kill(shim_of(accepted.session), signal.SIGKILL)
    else:
        await guest.say(messages.Cancel(accepted.session, "force"))
    assert (await guest.ended()).state == ("lost" if held["group"] else "cancelled")
    assert not held["group"] or not Path(held["group"]).exists(), "nothing is left in it"
    assert [pid for pid in hidden if is_alive(pid)] == []


def is_alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_no_parameter_stays_on_the_disk(server: Server) -> None:
    await server.publish("SECRET", Module(kind="command", command=("sleep", "0.3"), params={"word": "?"}))
    guest = await Guest.inside(server)
    accepted = await guest.start(module("SECRET", word=SECRET))
    assert (await guest.ended()).state == "ok"
    folder = server.spools / accepted.session
    found = await asyncio.to_thread(_holding, folder)
    assert found == []
    assert (folder / "plan.json").exists()


async def test_no_parameter_stays_of_a_session_that_never_ran(server: Server) -> None:
    waits = Module(
        kind="command", command=("sleep", "100"), params={"word": "?"}, concurrency=Concurrency(policy="queue")
    )
    await server.publish("WAITS", waits)
    first, second = await Guest.inside(server), await Guest.inside(server)
    running = await first.start(module("WAITS"))
    accepted = await second.start(module("WAITS", word=SECRET))
    assert await asyncio.to_thread(_holding, server.spools / accepted.session) != [], "it has to wait somewhere"
    await second.say(messages.Cancel(accepted.session))
    assert (await second.ended()).state == "cancelled"
    assert await asyncio.to_thread(_holding, server.spools / accepted.session) == []
    await first.say(messages.Cancel(running.session, "force"))
    await first.ended()


def _holding(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
