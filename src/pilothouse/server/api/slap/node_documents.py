"""A node's document, marshalled once a revision and kept, because it is read a thousand times between two changes.

Each partition is kept as a fragment, so that one changed partition of a thousand costs one fragment. Whether a kept
document is still true is asked of the database, by the node's revision: a row found by its key. Where the store can
tell that nobody has committed anything since, the answer of the last time stands.
"""

import asyncio
import hashlib
import zlib
from collections import OrderedDict
from typing import Final

import msgspec
from sqlalchemy import Connection

from pilothouse.clock import Clock
from pilothouse.identity.caller import Caller
from pilothouse.server.api.slap import documents
from pilothouse.server.master import nodes
from pilothouse.services.node import NodeDocument, Partition
from pilothouse.slap import marshal_writer
from pilothouse.slap.marshal_writer import Fragment
from pilothouse.store.contract import Store

_CALLERS_KEPT: Final = 64
_GZIP_LEVEL: Final = 1
_GZIP_FROM: Final = 4096  # bytes; less fits in a few packets anyway


class Kept(msgspec.Struct, frozen=True, eq=False):
    """A node's document at one revision. ``modified`` is when it was first seen so, seconds since the epoch."""

    revision: int
    body: bytes
    etag: str
    modified: float
    fragments: dict[str, tuple[Partition, Fragment]]
    readers: set[Caller]

    @property
    def weight(self) -> int:
        """Return roughly the bytes of memory it takes: the whole, and the fragments it was made from."""
        return 2 * len(self.body) + 2048


def compose(revision: int, document: NodeDocument, before: Kept | None, now: float, *, by_slot: bool = False) -> Kept:
    """Marshal a document; partitions that did not change since ``before`` are copied."""
    old = before.fragments if before else {}
    fragments = {slot.reference: _fragment(slot, old.get(slot.reference), by_slot) for slot in document.partitions}
    slots = [fragments[slot.reference][1] for slot in document.partitions]
    releases = [documents.software(release) for release in document.software]
    body = marshal_writer.dumps(documents.computer(document.computer, slots, releases))
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    return Kept(revision, body, etag, now, fragments, set())


def _fragment(slot: Partition, old: tuple[Partition, Fragment] | None, by_slot: bool) -> tuple[Partition, Fragment]:
    if old is not None and old[0] == slot:
        return old
    return slot, marshal_writer.fragment(documents.partition(slot, by_slot=by_slot))


class NodeDocuments:
    """The documents of the nodes that were asked for last, within a bound of memory."""

    def __init__(self, store: Store, clock: Clock, largest: int) -> None:
        self._store = store
        self._clock = clock
        self._largest = largest
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._locks: dict[str, asyncio.Lock] = {}
        self._gzipped: dict[str, tuple[str, bytes]] = {}
        self._confirmed: dict[str, tuple[int | None, Kept]] = {}
        self._weight = 0

    async def get(self, caller: Caller, computer: str) -> Kept:
        """Return the node's document as it is now. Raises NotFoundError, ForbiddenError."""
        if (kept := await self._current(caller, computer)) is not None:
            return kept
        lock = self._locks.setdefault(computer, asyncio.Lock())
        try:
            async with lock:  # whoever comes while it is made waits for it
                return await self._current(caller, computer) or await self._read(caller, computer)
        finally:
            if not lock.locked() and self._locks.get(computer) is lock:
                del self._locks[computer]

    async def gzipped(self, computer: str, kept: Kept) -> bytes | None:
        """Return the document compressed, from the second time on that it is asked for; None when it does not pay."""
        if len(kept.body) < _GZIP_FROM:
            return None
        etag, body = self._gzipped.get(computer, ("", b""))
        if etag != kept.etag:
            if len(self._gzipped) > len(self._kept) + 1:
                self._gzipped.clear()
            # a document that changes between any two reads is sent plain: compressing it costs more than sending
            self._gzipped[computer] = (kept.etag, b"")
            return None
        if not body:
            body = await asyncio.to_thread(_compressed, kept.body)
            self._gzipped[computer] = (kept.etag, body)
        return body

    async def _current(self, caller: Caller, computer: str) -> Kept | None:
        kept = self._kept.get(computer)
        if kept is None or caller not in kept.readers:
            return None
        version = self._store.version()
        if version is None or self._confirmed.get(computer) != (version, kept):
            revision = await self._store.read(lambda connection: nodes.revision(connection, computer))
            if revision != kept.revision:
                return None
            self._confirm(computer, version, kept)
        if computer in self._kept:
            self._kept.move_to_end(computer)
        return kept

    def _confirm(self, computer: str, version: int | None, kept: Kept) -> None:
        if version is not None and self._kept.get(computer) is kept:
            self._confirmed[computer] = (version, kept)

    def _before(self, caller: Caller, computer: str) -> Kept | None:
        # instances have other names for local callers (documents), so the two are not mixed
        kept = self._kept.get(computer)
        local = caller.kind == "local"
        return kept if kept is not None and all((one.kind == "local") == local for one in kept.readers) else None

    async def _read(self, caller: Caller, computer: str) -> Kept:
        before = self._before(caller, computer)
        now, version = self._clock.time(), self._store.version()

        def work(connection: Connection) -> Kept:
            document = nodes.document(connection, caller, computer)
            revision = nodes.revision(connection, computer) or 0
            if before is not None and before.revision == revision:
                return before
            return compose(revision, document, before, now, by_slot=caller.kind == "local")

        kept = await self._store.read(work)
        if len(kept.readers) >= _CALLERS_KEPT:
            kept.readers.clear()
        kept.readers.add(caller)
        self._keep(computer, kept)
        self._confirm(computer, version, kept)
        return kept

    def _keep(self, computer: str, kept: Kept) -> None:
        if (before := self._kept.pop(computer, None)) is not None:
            self._weight -= before.weight
        self._kept[computer] = kept
        self._weight += kept.weight
        while self._weight > self._largest and len(self._kept) > 1:
            name, oldest = self._kept.popitem(last=False)
            self._gzipped.pop(name, None)
            self._confirmed.pop(name, None)
            self._weight -= oldest.weight


def _compressed(body: bytes) -> bytes:
    packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()
