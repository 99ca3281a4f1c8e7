"""Machines reached by SSH: one connection per node and job, each operation a channel of it.

There are two ways to speak it. The fast one (libssh2) serves the common cases at a third of the processor time;
the general one (asyncssh) serves all. The fast one hands over whatever it cannot do, and the general one then does
all of it, errors included.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from pilothouse.errors import TransportError, UnreachableError
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.secret import Secret
from pilothouse.settings import Settings
from pilothouse.transports.contract import Kill, Launch, Sink
from pilothouse.transports.credentials import Credentials
from pilothouse.transports.dial import CutOffError
from pilothouse.transports.dialogue import Dialogue
from pilothouse.transports.fast_path import MismatchError, unfit
from pilothouse.transports.fetching import fetch
from pilothouse.transports.host_keys import HostKeys
from pilothouse.transports.jump_hosts import default_hops, hops_of
from pilothouse.transports.operation import Operation, Wire

if TYPE_CHECKING:
    from pilothouse.transports.libssh2_link import FastLink, FastLinker
    from pilothouse.transports.ssh_link import Link as GeneralLink
    from pilothouse.transports.ssh_link import Linker

_LOG: Final = logging.getLogger(__name__)
_REAP_SECONDS: Final = 20.0
_ATTEMPTS: Final = 4
_FIRST_PAUSE: Final = 0.2
_Made = TypeVar("_Made")


class Link(Protocol):
    """An open connection of either kind."""

    async def open(self, launch: Launch, sink: Sink) -> tuple[Dialogue, Wire]:
        """Start an operation's program in a channel. Raises ConnectionLostError, TargetError."""
        ...

    async def reap(self, launch: Launch) -> Kill:
        """End what is left of an operation; raises TransportError."""
        ...

    async def put(self, local: str, remote: str) -> None:
        """Copy a file there by SFTP, mode kept. Raises ConnectionLostError, TargetError, OSError."""
        ...

    async def get(self, remote: str, local: str) -> None:
        """Copy a file from there by SFTP, mode kept. Raises as `put`."""
        ...

    async def close(self) -> None:
        """End the connection."""
        ...


class SshTransport:
    """Reaches machines by SSH.

    ``open_secret`` turns a node's password into its plain text; it may decrypt what an older product wrote.
    """

    def __init__(self, settings: Settings, open_secret: Callable[[Secret], str] = Secret.reveal) -> None:
        self._settings = settings
        self._credentials = Credentials(settings.identities, open_secret)
        self._host_keys = HostKeys(settings.known_hosts, settings.host_keys)
        self._handshakes = asyncio.Semaphore(settings.handshakes)
        self._jumps = default_hops(settings.proxy_jump)
        self._general: Linker | None = None
        self._fast: FastLinker | None = None
        if settings.host_keys == "accept-any":
            _LOG.warning("host keys are not verified (host_keys = accept-any): anybody may pose as any machine")

    async def connect(self, node: Node) -> "SshConnection":
        """Open a connection. Raises UnreachableError, HostKeyError, AuthenticationError."""
        return SshConnection(self, node, await self._in_time(node, lambda: self._link(node)))

    async def close(self) -> None:
        """Give back what is held besides the connections: those to jump hosts."""
        general, self._general, self._fast = self._general, None, None
        if general is not None:
            await general.close()

    async def reap(self, node: Node, launch: Launch) -> Kill:
        """End what a lost connection may have left of ``launch``, over a new one."""
        try:
            async with asyncio.timeout(_REAP_SECONDS):
                link = await self._in_time(node, lambda: self._link(node))
                try:
                    return await link.reap(launch)
                finally:
                    await link.close()
        except (TransportError, TimeoutError):
            return Kill("unreachable")

    async def general_link(self, node: Node) -> "GeneralLink":
        """Open a connection of the general kind, which can give terminals. Raises as `connect`."""
        return await self._in_time(node, lambda: self._link_generally(node))

    async def _in_time(self, node: Node, link: Callable[[], Awaitable[_Made]]) -> _Made:
        limit = self._settings.connect_timeout
        async with self._handshakes:
            try:
                async with asyncio.timeout(limit):
                    return await _persistently(link)
            except TimeoutError:
                raise UnreachableError(
                    f"{node.key}: {node.host} accepted no login within {limit:g} s "
                    "(setting connect_timeout); it is down, filtered, or its SSH server hangs"
                ) from None

    async def _link(self, node: Node) -> Link:
        if self._settings.ssh_path == "general":
            return await self._link_generally(node)
        try:
            return await self._link_fast(node)
        except MismatchError as mismatch:
            if self._settings.ssh_path == "fast":
                raise UnreachableError(
                    f"{node.key}: the fast path cannot serve it: {mismatch}; with the setting ssh_path = auto the "
                    "general one would be tried"
                ) from None
            return await self._link_generally(node, password_refused=mismatch.password_refused)

    async def _link_fast(self, node: Node) -> "FastLink":
        if hops_of(node, self._jumps):
            raise MismatchError("it is behind a jump host")
        keys = await self._credentials.keys()
        if reason := unfit(keys, self._credentials.password(node)):
            raise MismatchError(reason)
        if self._fast is None:
            try:
                # the first connection pays for the import, no other command does
                from pilothouse.transports.libssh2_link import FastLinker  # noqa: PLC0415
            except ImportError as error:
                raise MismatchError(f"libssh2 is missing ({error})") from None
            self._fast = FastLinker(self._settings, self._credentials, self._host_keys)
        return await self._fast.link(node)

    async def _link_generally(self, node: Node, *, password_refused: bool = False) -> "GeneralLink":
        if self._general is None:
            from pilothouse.transports.ssh_link import Linker  # noqa: PLC0415 - as above, and much heavier

            self._general = Linker(self._settings, self._credentials, self._host_keys, self._jumps)
        return await self._general.link(node, password_refused=password_refused)


class SshConnection:
    """An open connection to one machine."""

    def __init__(self, transport: SshTransport, node: Node, link: Link) -> None:
        self._transport = transport
        self._node = node
        self._link = link

    async def start(self, launch: Launch, sink: Sink) -> Operation:
        """Start an operation. Raises TransportError."""
        dialogue, wire = await self._link.open(launch, sink)
        return Operation(dialogue, wire, lambda: self._transport.reap(self._node, launch))

    async def upload(self, local: str, remote: str) -> None:
        """Copy a file by SFTP, as the login's user, mode kept. Raises TransportError, OSError."""
        await self._link.put(local, remote)

    async def download(self, remote: str, local: str) -> None:
        """Copy a file as the user of the operations, mode kept. Raises TransportError, OSError."""
        if self._node.access.become is None:
            await self._link.get(remote, local)
        else:
            await fetch(self.start, self._node.key, remote, local)

    async def close(self) -> None:
        """End the connection; operations still running on it are ended by the machine."""
        await self._link.close()


async def _persistently(link: Callable[[], Awaitable[_Made]]) -> _Made:
    """Try again when the server goes away during the handshake."""
    pause = _FIRST_PAUSE
    for attempt in range(_ATTEMPTS):
        try:
            return await link()
        except CutOffError as error:
            if attempt == _ATTEMPTS - 1:
                raise UnreachableError(str(error)) from None
        await asyncio.sleep(pause)
        pause *= 2
    raise AssertionError(link)
