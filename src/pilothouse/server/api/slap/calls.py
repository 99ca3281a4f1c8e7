"""One call of the master: who, when, for whom; and how its work is run in the store."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Literal, TypeVar, cast

import msgspec
from sqlalchemy import Connection

from pilothouse.clock import Clock
from pilothouse.identity.authority import Authority
from pilothouse.identity.caller import Caller, PartitionKey
from pilothouse.server.api.slap import elsewhere, requester
from pilothouse.server.api.slap.elsewhere import Elsewhere, ElsewhereError, Remote, Rules
from pilothouse.server.api.slap.exchange import Request
from pilothouse.server.master import instances
from pilothouse.server.master.errors import NotFoundError
from pilothouse.services.forwarding import Unlisted
from pilothouse.services.instance import InstanceDocument, InstanceRequest
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
    rules: Rules
    base: str = ""
    requester: PartitionKey | None = None

    def request(
        self,
        connection: Connection,
        requester: PartitionKey | None,
        asked: InstanceRequest,
        answered: Callable[[Remote], Any],
    ) -> InstanceDocument:
        """Return the instance that is asked for; raises ElsewhereError when that is for another master (6.10)."""
        named = asked.filter.get("master_url", "").rstrip("/")
        ours = named == self.base or named in self.rules.urls
        elsewhere.check(connection, self.caller, requester, asked, self.now, self.rules.masters, answered, ours=ours)
        base = self.base if self.base.startswith("https:") else ""
        return instances.request(
            connection, self.caller, requester, asked, self.now, policy=self.rules.policy, https_base=base
        )

    @property
    def by_slot(self) -> bool:
        """Whether instances are named by their place: where nobody logs in, as with ``slapos proxy``."""
        return self.caller.kind == "local"

    def check_header(self, connection: Connection, place: PartitionKey) -> None:
        """Refuse a header that names a partition of somebody else; ``place`` is what the form means.

        Raises ForbiddenError.
        """
        if self.requester is not None:
            requester.check(connection, self.caller, self.requester, place, self.now)


class Desk:
    """Runs the work of calls: decoded beside the event loop when large, then one read or one write."""

    def __init__(
        self,
        store: Store,
        authority: Authority,
        clock: Clock,
        rules: Rules | None = None,
        others: Elsewhere | None = None,
    ) -> None:
        self._store = store
        self._authority = authority
        self._clock = clock
        self._rules = rules or Rules()
        self._others = others

    def call(self, request: Request) -> Call:
        """Return the call that a request is. Raises InvalidRequestError for a broken header."""
        return Call(
            caller=request.caller,
            authority=self._authority,
            now=self._clock.time(),
            base=request.base,
            requester=requester.from_headers(request.headers),
            rules=self._rules,
        )

    async def run(self, decode: Callable[[], Work[T]], access: Access, size: int) -> T:
        """Decode a body of ``size`` bytes to its work, do it, and return what it returned."""
        work = await asyncio.to_thread(decode) if size > _LARGE else decode()
        try:
            return await (self._store.read(work) if access == "read" else self._store.write(work))
        except ElsewhereError as needed:
            return await self._elsewhere(needed, work)

    async def _elsewhere(self, needed: ElsewhereError, work: Work[T]) -> T:
        if self._others is None:
            raise NotFoundError(
                needed.found.reason
                if isinstance(needed.found, Unlisted)
                else f"No other master is known for: {needed.asked.title}"
            )
        remote = await self._others.ask(needed)
        if remote is None:  # it is this very server, under an address that it did not know
            self._rules.urls.add(needed.asked.filter["master_url"].rstrip("/"))
            return await self._store.write(work)
        return cast("T", needed.answered(remote))
