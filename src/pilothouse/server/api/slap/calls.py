"""One call of the master: who, when, for whom; and how its work is run in the store."""

import asyncio
from collections.abc import Callable
from typing import Final, Literal, TypeVar

import msgspec
from sqlalchemy import Connection

from pilothouse.clock import Clock
from pilothouse.identity.authority import Authority
from pilothouse.identity.caller import Caller, PartitionKey
from pilothouse.server.api.slap import requester
from pilothouse.server.api.slap.exchange import Request
from pilothouse.services.policy import Policy
from pilothouse.store.contract import Store

T = TypeVar("T")
Work = Callable[[Connection], T]
Access = Literal["read", "write"]

_LARGE: Final = 64 * 1024
"""Bodies beyond this are decoded in a thread: the event loop must not wait for them."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What every function of the master is told besides what is asked."""

    caller: Caller
    authority: Authority
    now: float
    base: str = ""
    requester: PartitionKey | None = None
    policy: Policy | None = None

    @property
    def https_base(self) -> str:
        """Return the address that the client used, where that was https."""
        return self.base if self.base.startswith("https://") else ""

    def check_header(self, connection: Connection, place: PartitionKey) -> None:
        """Refuse a header that names a partition of somebody else; ``place`` is what the form means."""
        if self.requester is not None:
            requester.check(connection, self.caller, self.requester, place, self.now)


class Desk:
    """Runs the work of calls: decoded beside the event loop when large, then one read or one write."""

    def __init__(self, store: Store, authority: Authority, clock: Clock, policy: Policy | None = None) -> None:
        self._store = store
        self._authority = authority
        self._clock = clock
        self._policy = policy

    def call(self, request: Request) -> Call:
        """Return the call that a request is. Raises InvalidRequestError for a broken header."""
        return Call(
            caller=request.caller,
            authority=self._authority,
            now=self._clock.time(),
            base=request.base,
            requester=requester.from_headers(request.headers),
            policy=self._policy,
        )

    async def run(self, decode: Callable[[], Work[T]], access: Access, size: int) -> T:
        """Decode a body of ``size`` bytes to its work, do it, and return what it returned."""
        work = await self.decoded(decode, size)
        return await (self._store.read(work) if access == "read" else self._store.write(work))

    @staticmethod
    async def decoded(decode: Callable[[], T], size: int) -> T:
        """Decode a body of ``size`` bytes."""
        return await asyncio.to_thread(decode) if size > _LARGE else decode()
