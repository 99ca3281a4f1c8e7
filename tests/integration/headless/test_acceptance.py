"""A start is recorded whole or not at all, whatever becomes of who asked for it (headless 9.3, 12)."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from tests.headlessserver import RIGHTS, Guest, Server, module, serving

from pilothouse.clock import SystemClock
from pilothouse.headless import messages
from pilothouse.headless.messages import Start
from pilothouse.headless.server.acceptance import Site
from pilothouse.headless.server.login import Visitor
from pilothouse.headless.server.rights import parse
from pilothouse.headless.server.sessions import Sessions
from pilothouse.store import headless_accounts, headless_catalogue, headless_sessions

MOMENTS = 24


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path) as found:
        yield found


async def test_a_start_whose_connection_goes_is_whole_or_nothing(server: Server, tmp_path: Path) -> None:
    """Its connection ends at one moment after another: what the database has must have its folder and be known."""
    store = server.store
    assert store is not None
    user = await store.read(lambda c: headless_accounts.find_user(c, "R41"))
    assert user is not None
    site = Site(store=store, clock=SystemClock(), service="of-this-test", spools=tmp_path / "spools", python="python3")
    sessions = Sessions(site)
    visitor = Visitor(user=user, rights=parse(RIGHTS["R41"]), credential="main", how="challenge", address="127.0.0.1")
    for moment in range(MOMENTS):
        await server.script(f"M{moment}", "print('one')", policy="parallel")
        start = Start(request=f"r{moment}", jobs=(module(f"M{moment}"),))
        task = asyncio.create_task(sessions.start(visitor, start, f"{moment}".encode()))
        await asyncio.sleep(moment / 1000)
        task.cancel()
        await asyncio.wait([task])
        await sessions.drain()
        sessions.draining = False
        rows = await store.read(lambda c: headless_sessions.live(c, site.service))
        assert {row.sid for row in rows} == set(sessions.live)
        assert {each.name for each in site.spools.glob("*")} == set(sessions.live)
        for row in rows:
            sessions.live.pop(row.sid)
            sessions.spool_of(row).remove()
            await store.write(
                partial(
                    headless_sessions.end, sid=row.sid, state="cancelled", reason="", started=None, ended=0.0, jobs=[]
                )
            )


async def test_a_repeated_start_gets_its_first_answer_though_the_module_is_gone(server: Server) -> None:
    guest = await Guest.inside(server)
    start = Start(request="the-same", jobs=(module("OK1"),))
    await guest.say(start)
    first = await guest.until(messages.Accepted)
    await server.write(lambda c: headless_catalogue.remove_module(c, "OK1", SystemClock().time()))
    again = await Guest.inside(server)
    await again.say(start)
    answer = await again.hear()
    assert isinstance(answer, messages.Accepted), answer
    assert (answer.session, answer.replay) == (first.session, True)
