"""One call of the master: who, when, for whom; and how its work is run in the store."""

import asyncio
from collections.abc import Callable
from typing import Final, Literal, TypeVar

import msgspec
from sqlalchemy import Connection

from pilothouse.clock import Clock
from pilothouse.identity.caller import Caller, PartitionKey
from pilothouse.server.api.slap import requester
from pilothouse.server.api.slap.exchange import Request
from pilothouse.server.master import nodes
from pilothouse.server.master.errors import NotFoundError
from pilothouse.store.contract import Store

T = TypeVar("T")
Work = Callable[[Connection], T]
Access = Literal["read", "write"]

_LARGE: Final = 64 * 1024
"""Bodies beyond this are decoded in a thread: the event loop must not wait for them."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What every function of the master is told besides what is asked."""

    caller: Caller
    now: float
    base: str = ""
    requester: PartitionKey | None = None

    def speaks_for(self, connection: Connection) -> PartitionKey | None:
        """Return the partition of the header, found to exist and to be the caller's (slapos-master 1.6).

        Raises InvalidRequestError when there is no such partition, ForbiddenError when it is another's.
        """
        if (place := self.requester) is None:
            return None
        try:
            there = nodes.partition(connection, self.caller, place.computer, place.partition)
        except NotFoundError as error:
            raise requester.unknown(place.computer, place.partition) from error
        guid = there.occupant.guid if there.occupant else None
        requester.check(connection, self.caller, place, guid, self.now)
        return place


class Desk:
    """Runs the work of calls: decoded beside the event loop when large, then one read or one write."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def call(self, request: Request) -> Call:
        """Return the call that a request is. Raises InvalidRequestError for a broken header."""
        return Call(
            caller=request.caller,
            now=self._clock.time(),
            base=request.base,
            requester=requester.from_headers(request.headers),
        )

    async def run(self, decode: Callable[[], Work[T]], access: Access, size: int) -> T:
        """Decode a body of ``size`` bytes to its work, do it, and return what it returned."""
        work = await asyncio.to_thread(decode) if size > _LARGE else decode()
        return await (self._store.read(work) if access == "read" else self._store.write(work))
