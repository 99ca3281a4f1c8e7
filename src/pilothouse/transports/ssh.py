"""Machines reached by SSH: one connection per node and job, each operation a channel of it."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pilothouse.errors import TransportError, UnreachableError
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.secret import Secret
from pilothouse.settings import Settings
from pilothouse.transports.contract import Kill, Launch, Sink
from pilothouse.transports.operation import Operation

if TYPE_CHECKING:
    from pilothouse.transports.ssh_link import Link, Linker

_REAP_SECONDS: Final = 20.0


class SshTransport:
    """Reaches machines by asyncssh.

    ``open_secret`` turns a node's password into its plain text; it may decrypt what an older product wrote.
    """

    def __init__(self, settings: Settings, open_secret: Callable[[Secret], str] = Secret.reveal) -> None:
        self._settings = settings
        self._open_secret = open_secret
        self._handshakes = asyncio.Semaphore(settings.handshakes)
        self._linker: Linker | None = None

    async def connect(self, node: Node) -> "SshConnection":
        """Open a connection. Raises UnreachableError, HostKeyError, AuthenticationError."""
        return SshConnection(self, node, await self._link(node))

    async def close(self) -> None:
        """Give back what is held besides the connections: nothing but settled tasks."""
        self._linker = None

    async def reap(self, node: Node, launch: Launch) -> Kill:
        """End what a lost connection may have left of ``launch``, over a new one."""
        try:
            async with asyncio.timeout(_REAP_SECONDS):
                link = await self._link(node)
                try:
                    return await link.reap(launch)
                finally:
                    await link.close()
        except (TransportError, TimeoutError):
            return Kill("unreachable")

    async def _link(self, node: Node) -> "Link":
        if self._linker is None:
            # the first connection pays for the import, no other command does
            from pilothouse.transports.ssh_link import Linker  # noqa: PLC0415

            self._linker = Linker(self._settings, self._open_secret)
        async with self._handshakes:
            try:
                async with asyncio.timeout(self._settings.connect_timeout):
                    return await self._linker.link(node)
            except TimeoutError:
                raise UnreachableError(
                    f"{node.key}: {node.host} accepted no login within {self._settings.connect_timeout:g} s "
                    "(setting connect_timeout); it is down, filtered, or its SSH server hangs"
                ) from None


class SshConnection:
    """An open connection to one machine."""

    def __init__(self, transport: SshTransport, node: Node, link: "Link") -> None:
        self._transport = transport
        self._node = node
        self._link = link

    async def start(self, launch: Launch, sink: Sink) -> Operation:
        """Start an operation. Raises TransportError."""
        dialogue, wire = await self._link.open(launch, sink)
        return Operation(dialogue, wire, lambda: self._transport.reap(self._node, launch))

    async def upload(self, local: str, remote: str) -> None:
        """Copy a file by SFTP, mode kept. Raises TransportError, OSError."""
        await self._link.put(local, remote)

    async def download(self, remote: str, local: str) -> None:
        """Copy a file by SFTP, mode kept. Raises TransportError, OSError."""
        await self._link.get(remote, local)

    async def close(self) -> None:
        """End the connection; operations still running on it are ended by the machine."""
        await self._link.close()
