"""Every party killed at every state leaves exactly the states of the session table (headless 10.3).

Four sessions stand at four states at once when somebody is killed with ``kill -9``: real clients wait for them with
``-t -1``, on a server that is a process of its own.
"""

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import pytest
from tests import headlesscall
from tests.headlessdaemon import Daemon, hold_lock, kill, shim_of, shims_coming_up, whole, worker_of
from tests.headlessserver import Guest, Server, module, serving

from pilothouse.headless import messages
from pilothouse.headless.shim.descendants import marked
from pilothouse.store import headless_sessions

STATES = ("queued", "starting", "running", "cancelling")
TABLE = {
    ("client",): ("ok", "ok", "ok", "cancelled"),
    ("daemon",): ("ok", "ok", "ok", "cancelled"),
    ("shim",): ("ok", "ok", "lost", "lost"),  # one that does not come up is launched again
    ("worker",): ("ok", "ok", "failed", "cancelled"),
    ("daemon", "shim"): ("ok", "lost", "lost", "lost"),
    ("daemon", "worker"): ("ok", "ok", "failed", "cancelled"),
    ("client", "daemon", "shim", "worker"): ("ok", "lost", "lost", "lost"),
}
WAIT = """
import os, signal, time
{first}
print("begun", flush=True)
while not os.path.exists({path!r}):
    time.sleep(0.02)
"""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path) as found:
        yield found


class Call:
    """A client that waits for its session."""

    def __init__(self, process: asyncio.subprocess.Process, sid: str) -> None:
        self.process = process
        self.sid = sid

    @classmethod
    async def of(cls, server: Server, module: str, mark: str) -> "Call":
        process = await headlesscall.begin(server.words("-t", "-1", "-v", "-m", module), server.folder)
        assert process.stdout is not None
        said = ""
        while mark not in said:
            line = (await process.stdout.readline()).decode()
            assert line, said
            said += line
        found = re.search(r"session (\w{26}) accepted", said)
        assert found is not None
        return cls(process, found[1])


class Scene:
    """One session at each state, each with its client."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.daemon = Daemon(server)
        self.calls: dict[str, Call] = {}
        self.before: list[Call] = []
        self.lock = -1

    async def __aenter__(self) -> Self:
        await self.set()
        return self

    async def __aexit__(self, *_: object) -> None:
        for call in (*self.calls.values(), *self.before):
            if call.process.returncode is None:
                call.process.kill()
                await call.process.communicate()

    async def set(self) -> None:
        server = self.server
        for state in STATES:
            first = "signal.signal(signal.SIGTERM, signal.SIG_IGN)" if state == "cancelling" else ""
            await server.script(state, WAIT.format(first=first, path=str(self._go(state))), policy="queue")
        await server.stop()
        await self.daemon.begin()
        guest = await Guest.inside(server)
        for state in ("queued", "starting"):
            self.before.append(await Call.of(server, state, "begun"))
            self.calls[state] = await Call.of(server, state, "accepted")
        for state in ("running", "cancelling"):
            self.calls[state] = await Call.of(server, state, "begun")
        await guest.say(messages.Cancel(self.sid("cancelling")))
        await guest.becomes(self.sid("cancelling"), "cancelling")
        # its shim waits for the lock, one second for each of three launches
        self.lock = hold_lock(server.spools / self.sid("starting"))
        self._go("starting").touch()
        await guest.becomes(self.sid("starting"), "starting")
        await self._coming_up()
        assert [await guest.state(self.sid(state)) for state in STATES] == list(STATES)

    def sid(self, state: str) -> str:
        return self.calls[state].sid

    async def kill(self, party: str) -> None:
        match party:
            case "client":
                kill(*(call.process.pid for call in self.calls.values()))
            case "daemon":
                await self.daemon.kill()
            case "shim":
                kill(*map(shim_of, self._alive()))
                # it forks while it comes up
                while found := shims_coming_up(self.sid("starting")):
                    kill_all(found)
                    if self.daemon.process is not None and self.daemon.process.returncode is None:
                        return
            case "worker":
                kill(*map(worker_of, self._alive()))

    async def go_on(self) -> None:
        """Let everything that still lives come to its end."""
        os.close(self.lock)
        for state in STATES:
            self._go(state).touch()
        if self.daemon.process is not None and self.daemon.process.returncode is not None:
            await self.daemon.begin()

    def _alive(self) -> list[str]:
        return [sid for sid in (self.sid("running"), self.sid("cancelling")) if marked(f"PLANTA_SESSION={sid}")]

    def _go(self, state: str) -> Path:
        return self.server.folder / f"go-{state}"

    async def _coming_up(self) -> None:
        async with asyncio.timeout(10):
            while not shims_coming_up(self.sid("starting")):
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("parties", TABLE, ids="+".join)
async def test_whoever_is_killed_the_sessions_end_as_the_table_says(parties: tuple[str, ...], server: Server) -> None:
    async with Scene(server) as scene:
        for party in parties:
            await scene.kill(party)
        await scene.go_on()
        guest = await Guest.inside(server)
        ends = [
            await guest.becomes(scene.sid(state), "ok", "failed", "cancelled", "expired", "lost") for state in STATES
        ]
        assert dict(zip(STATES, ends, strict=True)) == dict(zip(STATES, TABLE[parties], strict=True))
        for state, end in zip(STATES, ends, strict=True):
            assert whole(server, scene.sid(state))[-1].state == end
            assert marked(f"PLANTA_SESSION={scene.sid(state)}") == []
            code = (await headlesscall.finish(scene.calls[state].process)).code
            assert code == (-9 if "client" in parties else 0 if end == "ok" else 4)
        for call in scene.before:
            assert (await headlesscall.finish(call.process)).code == 0
        assert await scene.daemon.stop() == 0
        await server.begin()
        assert await server.read(headless_sessions.locks) == []
        again = await Guest.inside(server)
        assert [await again.state(scene.sid(state)) for state in STATES] == ends, "an end is for good"


async def test_a_shim_that_never_comes_up_fails_its_session(server: Server) -> None:
    go = server.folder / "go"
    await server.script("NEXT", WAIT.format(first="", path=str(go)), policy="queue")
    first, second = await Guest.inside(server), await Guest.inside(server)
    await first.start(module("NEXT"))
    accepted = await second.start(module("NEXT"))
    (server.spools / accepted.session / "plan.json").unlink()
    go.touch()
    assert (await first.ended()).state == "ok"
    end = await second.ended()
    assert (end.state, end.skipped) == ("failed", 1)
    assert "could not be launched" in end.text
    whole(server, accepted.session)
    assert await server.read(headless_sessions.locks) == []


def kill_all(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            kill(pid)
