"""Who waits for changes, and the one task of a server that looks for them.

A change is found in the store, whoever made it and in whichever process: so several servers on one database tell
their clients alike. Nobody is waited for: who does not keep up is cut off, and comes back with the last change that
it knows.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Final

from pilothouse.store import changes
from pilothouse.store.changes import Change, Cursor
from pilothouse.store.contract import Store
from pilothouse.store.errors import StoreError

log = logging.getLogger(__name__)

PACE: Final = 0.5  # seconds between two looks
_BATCH: Final = 500
_WAITING: Final = 1000  # changes that one follower may leave waiting


class Follower:
    """One who waits: changes come one by one, None when it is cut off."""

    def __init__(self, since: Cursor) -> None:
        self.since = since
        self.queue: asyncio.Queue[Change | None] = asyncio.Queue()

    def tell(self, change: Change | None) -> bool:
        """Hand over a change; False when too many wait."""
        if change is not None and self.queue.qsize() >= _WAITING:
            return False
        self.queue.put_nowait(change)
        return True


class Following:
    """The followers of one server."""

    def __init__(self, store: Store, pace: float = PACE) -> None:
        self._store = store
        self._pace = pace
        self._followers: set[Follower] = set()
        self._wanted = asyncio.Event()
        self._known: Cursor | None = None
        self._over = False
        self._failing = False

    @contextlib.asynccontextmanager
    async def running(self, stop: asyncio.Event) -> AsyncIterator[None]:
        """Look for changes while the block runs; once ``stop`` is set, everybody is cut off."""
        tasks = [asyncio.create_task(self._look(), name="changes"), asyncio.create_task(self._end(stop))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _end(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._over = True
        for follower in self._followers:
            follower.tell(None)

    @contextlib.contextmanager
    def follower(self, now: Cursor) -> Iterator[Follower]:
        """Return one who is told what comes after ``now``, and perhaps some of what came before."""
        made = Follower(now)
        if self._over:
            made.tell(None)
        if self._known is None or not self._followers:
            self._known = now
        self._followers.add(made)
        self._wanted.set()
        try:
            yield made
        finally:
            self._followers.discard(made)

    def __len__(self) -> int:
        """Return how many follow."""
        return len(self._followers)

    async def _look(self) -> None:
        while True:
            await self._wanted.wait()
            if not self._followers:
                self._wanted.clear()
                continue
            if not await self._tried():
                await asyncio.sleep(self._pace)

    async def _tried(self) -> bool:
        """Do the same as `_once`; a database that is away is told of once, and asked again later."""
        try:
            full = await self._once()
        except StoreError as error:
            if not self._failing:
                log.warning("changes cannot be read now: %s", error)
            self._failing = True
            return False
        self._failing = False
        return full

    async def _once(self) -> bool:
        """Hand on what is new; returns whether there may be more at once."""
        known = self._known or Cursor()
        found = await self._store.read(lambda connection: changes.after(connection, known, _BATCH))
        for change in found:
            for follower in list(self._followers):
                if change.cursor > follower.since and not follower.tell(change):
                    follower.tell(None)
                    self._followers.discard(follower)
        if found:
            self._known = found[-1].cursor
        return len(found) == _BATCH
