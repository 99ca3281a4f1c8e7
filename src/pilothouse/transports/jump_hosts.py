"""Connections to jump hosts: one for each chain of them, shared by all nodes behind it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from pilothouse.errors import SettingsError, TransportError, UnreachableError
from pilothouse.jobs.access import Hop, hops
from pilothouse.jobs.nodes import Node

if TYPE_CHECKING:
    from pilothouse.transports.ssh_link import Link

Through = Callable[[Node, "Link | None"], Awaitable["Link"]]
"""Connects to a node, directly or through a connection that is there."""


def default_hops(setting: str) -> tuple[Hop, ...]:
    """Read the setting ``proxy_jump``. Raises SettingsError."""
    found = hops(setting)
    if found is None:
        raise SettingsError(
            f"settings: proxy_jump is {setting!r}; allowed: [user@]host[:port], several with commas between, or none"
        )
    return found


def hops_of(node: Node, default: tuple[Hop, ...]) -> tuple[Hop, ...]:
    """Return the jump hosts before a node; its own field wins over the setting."""
    return default if node.access.hops is None else node.access.hops


class JumpHosts:
    """The open connections to jump hosts; ``limit`` is the seconds a login at one may take."""

    def __init__(self, connect: Through, default: tuple[Hop, ...], limit: float) -> None:
        self._connect = connect
        self._default = default
        self._limit = limit
        self._links: dict[tuple[Hop, ...], asyncio.Task[Link]] = {}

    async def before(self, node: Node) -> "Link | None":
        """Return the connection through which a node is reached, None when directly. Raises TransportError."""
        chain = hops_of(node, self._default)
        if not chain:
            return None
        try:
            return await self._to(chain)
        except TransportError as error:
            # the kind says what to do, be it a host key or a login
            raise type(error)(f"{node.key}: its jump host {chain[-1].host} cannot be used: {error}") from None

    async def close(self) -> None:
        """Close them, the farthest first."""
        for chain in sorted(self._links, key=len, reverse=True):
            task = self._links.pop(chain)
            if task.done() and not task.cancelled() and task.exception() is None:
                await task.result().close()
            else:
                task.cancel()

    async def _to(self, chain: tuple[Hop, ...]) -> "Link":
        task = self._links.get(chain)
        if task is None or (task.done() and (task.cancelled() or task.exception() or task.result().closed)):
            task = self._links[chain] = asyncio.create_task(self._open(chain))
        return await asyncio.shield(task)

    async def _open(self, chain: tuple[Hop, ...]) -> "Link":
        through = await self._to(chain[:-1]) if chain[1:] else None
        hop = chain[-1]
        try:
            async with asyncio.timeout(self._limit):
                node = Node(resource_id=0, host=hop.host, protocol_port=hop.port, username=hop.user)
                return await self._connect(node, through)
        except TimeoutError:
            raise UnreachableError(f"{hop.host} accepted no login within {self._limit:g} s") from None
