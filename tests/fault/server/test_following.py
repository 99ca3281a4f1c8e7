"""Who follows changes while the database is away, or reads too slowly."""

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

import pytest
from sqlalchemy import Connection
from tests.masters import Site, formed

from pilothouse.server import following
from pilothouse.server.following import Following
from pilothouse.store import changes
from pilothouse.store.changes import Change
from pilothouse.store.contract import Store
from pilothouse.store.errors import StoreError

T = TypeVar("T")


class Away:
    """A store that can be away."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.away = False
        self.asked = 0

    async def read(self, work: Callable[[Connection], T]) -> T:
        self.asked += 1
        if self.away:
            raise StoreError("the database is away")
        return await self.store.read(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        return await self.store.write(work)

    def version(self) -> int | None:
        return self.store.version()

    async def close(self) -> None:
        await self.store.close()


async def asked_again(store: Away, times: int) -> None:
    wanted = store.asked + times
    while store.asked < wanted:
        await asyncio.sleep(0.001)


async def test_nothing_is_missed_while_the_database_is_away(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, following.__name__)
    away, site = Away(store), Site(store)
    hub = Following(away, pace=0.001)
    async with asyncio.timeout(60), hub.running(asyncio.Event()):
        with hub.follower(await store.read(changes.last)) as follower:
            away.away = True
            await asked_again(away, 3)
            await site.format(formed("COMP-1", 1))
            away.away = False
            told = await follower.queue.get()
            assert told is not None
            assert (told.kind, told.subject) == ("node", "COMP-1")
    assert len(caplog.messages) == 1  # said once, however long it lasts


async def test_nobody_asks_the_database_when_nobody_follows(store: Store) -> None:
    away = Away(store)
    hub = Following(away, pace=0.001)
    async with hub.running(asyncio.Event()):
        with hub.follower(await store.read(changes.last)):
            await asyncio.wait_for(asked_again(away, 2), 60)
        await asyncio.sleep(0.05)
        asked = away.asked
        await asyncio.sleep(0.05)
        assert away.asked == asked


async def test_who_does_not_read_is_cut_off_and_the_others_go_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_WAITING", 2)
    site, hub = Site(store), Following(store, pace=0.001)
    start = await store.read(changes.last)
    async with asyncio.timeout(60), hub.running(asyncio.Event()):
        with hub.follower(start) as slow, hub.follower(start) as quick:
            seen: list[Change] = []
            for number in range(5):
                await site.format(formed(f"COMP-{number}", 1, net=number))
                while not seen or seen[-1].subject != f"COMP-{number}":
                    told = await quick.queue.get()
                    assert told is not None
                    seen.append(told)
            left = [slow.queue.get_nowait() for _ in range(slow.queue.qsize())]
            assert left[-1] is None
            assert len(left) == 3
            assert len(hub) == 1
