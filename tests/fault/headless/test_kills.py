"""Whatever is killed, a session ends in the state of the table, with its events whole (headless 10.3)."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.headlessdaemon import Daemon, shim_of, whole, worker_of
from tests.headlessserver import Guest, Server, code, module, serving

from pilothouse.headless import messages
from pilothouse.headless.server import sessions
from pilothouse.headless.server.launching import launch
from pilothouse.headless.server.spool import Spool
from pilothouse.headless.shim.descendants import marked
from pilothouse.store import headless_sessions
from pilothouse.store.errors import StoreError

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('begun', flush=True)\n"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path) as found:
        yield found


async def test_a_killed_worker_fails_its_job_and_skips_the_rest(server: Server) -> None:
    guest = await Guest.inside(server)
    accepted = await guest.start(module("LOOP"), module("OK1"), on_error="continue")
    await guest.prints("begun")
    os.kill(worker_of(accepted.session), signal.SIGKILL)
    assert (await guest.ended()).state == "failed"
    ends = [event for event in whole(server, accepted.session) if isinstance(event, messages.JobState)][-2:]
    assert [(end.state, end.signal) for end in ends] == [("failed", "SIGKILL"), ("skipped", None)]
    assert marked(f"PLANTA_SESSION={accepted.session}") == []


async def test_a_killed_shim_loses_the_session_and_leaves_nothing(server: Server) -> None:
    guest = await Guest.inside(server)
    accepted = await guest.start(module("LOOP"), module("OK1"))
    await guest.prints("begun")
    os.kill(shim_of(accepted.session), signal.SIGKILL)
    end = await guest.ended()
    assert (end.state, end.failed, end.skipped) == ("lost", 1, 1)
    whole(server, accepted.session)
    assert marked(f"PLANTA_SESSION={accepted.session}") == []
    assert await server.read(headless_sessions.locks) == []


async def test_a_shim_killed_while_cancelling(server: Server) -> None:
    guest = await Guest.inside(server)
    text = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('begun', flush=True)\ntime.sleep(60)"
    )
    accepted = await guest.start(code(text))
    await guest.prints("begun")
    await guest.say(messages.Cancel(accepted.session))
    while (await guest.until(messages.SessionStateChange)).state != "cancelling":
        pass
    os.kill(shim_of(accepted.session), signal.SIGKILL)
    assert (await guest.ended()).state == "lost"
    whole(server, accepted.session)


async def test_a_killed_server_loses_nothing(server: Server) -> None:
    """At every state: queued, running, cancelling, and ended while no server was there."""
    await server.stop()
    daemon = Daemon(server)
    await daemon.begin(headless_limits="max_sessions=3:grace=2")
    guest = await Guest.inside(server)
    go, end = server.folder / "go", server.folder / "end"
    text = "import os, time; print('begun', flush=True)\nwhile not os.path.exists({!r}): time.sleep(0.02)"
    running = await guest.start(code(text.format(str(go))))
    await guest.prints("begun")
    ending = await guest.start(code(text.format(str(end))))
    await guest.prints("begun")
    cancelling = await guest.start(code(f"{STUBBORN}time.sleep(60)"))
    await guest.prints("begun")
    await guest.say(messages.Cancel(cancelling.session))
    while (await guest.until(messages.SessionStateChange)).state != "cancelling":
        pass
    queued = await guest.start(code("print('late')"))
    assert queued.state == "queued"
    await daemon.kill()
    end.touch()
    async with asyncio.timeout(20):
        while Spool(server.spools / ending.session).is_alive():
            await asyncio.sleep(0.02)
    await daemon.begin()
    again = await Guest.inside(server)
    await again.say(messages.Attach(running.session, 1))
    assert (await again.until(messages.Attached)).state == "running"
    go.touch()
    assert (await again.ended()).state == "ok"
    states = {}
    for each in (ending, cancelling, queued):
        states[each.session] = await again.becomes(each.session, "ok", "cancelled", "failed", "lost", "expired")
        whole(server, each.session)
    assert list(states.values()) == ["ok", "cancelled", "ok"]
    assert await daemon.stop() == 0


async def test_a_server_stopped_right_after_an_acceptance_leaves_it_running(server: Server) -> None:
    guest = await Guest.inside(server)
    accepted = [await guest.start(module("OK1"), wait="none")]
    accepted += [await guest.start(code("print('one')"), wait="none") for _ in range(3)]
    await server.stop()
    await server.begin()
    again = await Guest.inside(server)
    for each in accepted:
        assert await again.becomes(each.session, "ok", "lost", "failed") == "ok"
        whole(server, each.session)


async def test_shim_and_server_killed_together(server: Server) -> None:
    guest = await Guest.inside(server)
    accepted = await guest.start(module("LOOP"))
    await guest.prints("begun")
    shim = shim_of(accepted.session)
    await server.stop()
    os.kill(shim, signal.SIGKILL)
    await server.begin()
    again = await Guest.inside(server)
    assert await again.becomes(accepted.session, "lost") == "lost"
    whole(server, accepted.session)
    assert marked(f"PLANTA_SESSION={accepted.session}") == []
    assert isinstance(await again.start(module("LOOP")), messages.Accepted), "its lock is free"


async def test_a_server_that_ended_between_the_row_and_the_shim(server: Server) -> None:
    """STARTING without a shim is lost, and a shim that comes up late finds that and goes."""
    guest = await Guest.inside(server)
    accepted = await guest.start(module("LOOP"))
    await guest.prints("begun")
    os.kill(shim_of(accepted.session), signal.SIGKILL)
    assert (await guest.ended()).state == "lost"
    spool = Spool(server.spools / accepted.session)
    assert await launch(spool) != ""
    whole(server, accepted.session)


async def test_a_worker_that_cannot_be_started(server: Server) -> None:
    guest = await Guest.inside(server)
    first = await guest.start(code("print('begun', flush=True); import time; time.sleep(0.5)"))
    await guest.prints("begun")
    plan = server.spools / first.session / "plan.json"
    broken = json.loads(plan.read_text()) | {"session": "x", "python": "/nonexistent/python"}
    folder = server.spools / "x"
    Spool(folder).make(broken)
    assert await launch(Spool(folder)) == ""
    async with asyncio.timeout(10):
        while Spool(folder).result() is None:
            await asyncio.sleep(0.02)
    result = Spool(folder).result()
    assert result is not None
    assert (result["state"], result["jobs"][0]["rc"]) == ("failed", 127)
    assert any("cannot be started" in event.text for event in Spool(folder).events() if isinstance(event, messages.Log))


async def test_a_full_disk_loses_output_and_no_state(tmp_path: Path) -> None:
    """The spool is on a disk of its own that a job fills; what was decided is told once there is room."""
    disk = tmp_path / "headless" / "spool"
    disk.mkdir(parents=True, mode=0o700)
    await run("mount", "-t", "tmpfs", "-o", f"size=2m,mode=700,uid={os.getuid()}", "tmpfs", str(disk))
    try:
        async with serving(tmp_path) as server:
            guest = await Guest.inside(server)
            accepted = await guest.start(code("for _ in range(20_000): print('x' * 200)\nprint('done')"), wait="none")
            async with asyncio.timeout(20):
                while not (disk / accepted.session / "result.json").exists():
                    await asyncio.sleep(0.05)
            assert await guest.becomes(accepted.session, "ok") == "ok"
            events = whole(server, accepted.session)
            assert [event.state for event in events if isinstance(event, messages.JobState)] == ["running", "ok"]
    finally:
        await run("umount", "-l", str(disk))


async def run(*words: str) -> None:
    prefix = () if os.geteuid() == 0 else ("sudo", "-n")
    process = await asyncio.create_subprocess_exec(*prefix, *words)
    assert await process.wait() == 0


async def test_a_database_that_is_away_for_a_while_loses_no_session(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_RETRY", 0.1)
    go = server.folder / "go"
    text = "import os, time; print('begun', flush=True)\nwhile not os.path.exists({!r}): time.sleep(0.02)"
    await server.script("NEXT", text.format(str(go)), policy="queue")
    first, second = await Guest.inside(server), await Guest.inside(server)
    await first.start(module("NEXT"))
    await first.prints("begun")
    await second.start(module("NEXT"))
    store, tries = server.store, []
    assert store is not None

    async def away(_work: object) -> object:
        tries.append(1)
        raise StoreError("the database is away")

    with monkeypatch.context() as patched:
        patched.setattr(store, "write", away)
        go.touch()
        async with asyncio.timeout(20):
            while len(tries) < 3:
                await asyncio.sleep(0.02)
    assert (await first.ended()).state == "ok"
    assert (await second.ended()).state == "ok"
    assert await server.read(headless_sessions.locks) == []
