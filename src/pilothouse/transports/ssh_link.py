"""One asyncssh connection: how it is made, what is opened on it, and its failures in our words.

This module imports asyncssh; import it only when a connection is made.
"""

import asyncio
import logging
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import asyncssh
from cryptography.utils import CryptographyDeprecationWarning

from pilothouse.errors import ConnectionLostError, TargetError, UnreachableError
from pilothouse.jobs.access import Hop
from pilothouse.jobs.nodes import Node
from pilothouse.settings import Settings
from pilothouse.transports import launcher, ssh_options
from pilothouse.transports.become import Door
from pilothouse.transports.contract import Kill, Launch, Sink
from pilothouse.transports.credentials import Credentials
from pilothouse.transports.dial import DEFAULT_PORT, CutOffError, dial
from pilothouse.transports.dialogue import Dialogue
from pilothouse.transports.host_keys import HostKeys, Known, Target
from pilothouse.transports.jump_hosts import JumpHosts
from pilothouse.transports.known_hosts import HostKey
from pilothouse.transports.operation import OUTCOMES
from pilothouse.transports.ssh_shell import Shell, shell
from pilothouse.transports.ssh_wire import SshWire

# old servers offer no other key exchange; whoever runs a job against them can do nothing about it
warnings.filterwarnings("ignore", "Diffie-Hellman over finite fields", CryptographyDeprecationWarning)

_LOG: Final = logging.getLogger(__name__)
_CLOSE_SECONDS: Final = 2.0
_WINDOW: Final = 1 << 20
_MODE: Final = 0o7777


class Linker:
    """Makes connections with a site's settings."""

    def __init__(
        self, settings: Settings, credentials: Credentials, host_keys: HostKeys, jumps: tuple[Hop, ...]
    ) -> None:
        self._settings = settings
        self._credentials = credentials
        self._offer = ssh_options.Offer(credentials)
        self._host_keys = host_keys
        self._jumps = JumpHosts(self._link, jumps, settings.connect_timeout)
        # every packet would otherwise be offered to the log
        asyncssh.set_log_level(logging.WARNING)

    async def link(self, node: Node, *, password_refused: bool = False) -> "Link":
        """Connect and log in. Raises UnreachableError, HostKeyError, AuthenticationError, CutOffError."""
        return await self._link(node, await self._jumps.before(node), password_refused=password_refused)

    async def close(self) -> None:
        """Close the connections to jump hosts."""
        await self._jumps.close()

    async def _link(self, node: Node, through: "Link | None", *, password_refused: bool = False) -> "Link":
        port = node.protocol_port or DEFAULT_PORT
        if through is not None:
            way: dict[str, Any] = {"tunnel": through.connection}
            return await self._log_in(node, Target(node.host, "", port), way, password_refused)
        connection = await dial(node.host, port)
        try:
            target = Target(node.host, connection.getpeername()[0], port)
            return await self._log_in(node, target, {"sock": connection}, password_refused)
        except BaseException:
            connection.close()
            raise

    async def _log_in(self, node: Node, target: Target, way: dict[str, Any], password_refused: bool) -> "Link":
        known = await self._host_keys.known(target)
        client = _Client(self._host_keys, known)
        try:
            opened = await asyncssh.connect(
                target.host,
                target.port,
                **way,
                client_factory=lambda: client,
                known_hosts=None if self._settings.host_keys == "accept-any" else ssh_options.trusted(known),
                server_host_key_algs=ssh_options.algorithms(known),
                keepalive_interval=self._settings.keepalive,
                **ssh_options.FIXED,
                **await self._offer.options(node, password_refused=password_refused),
            )
        except asyncssh.HostKeyNotVerifiable:
            raise await self._host_keys.refusal(target, client.shown, known) from None
        except asyncssh.PermissionDenied:
            raise await self._credentials.refusal(node, target, *(await self._offer.keys()).unusable) from None
        except asyncssh.ChannelOpenError as error:
            raise UnreachableError(
                f"{node.key}: {target.entry} cannot be reached from its jump host: {error.reason}"
            ) from None
        except (asyncssh.ConnectionLost, ConnectionError) as error:
            raise CutOffError(f"{node.key}: {target.entry} ended the connection during the login ({error})") from None
        except asyncssh.Error as error:
            raise UnreachableError(f"{node.key}: {target.entry} and this side cannot agree: {error}") from None
        if client.shown is not None:
            await self._host_keys.remember(target, client.shown, known)
        return Link(node, opened)


class _Client(asyncssh.SSHClient):
    """Judges host keys that no file holds."""

    def __init__(self, host_keys: HostKeys, known: Known) -> None:
        self.shown: HostKey | None = None
        self._host_keys = host_keys
        self._known = known

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.shown = HostKey(key.public_data)
        return self._host_keys.accepts(self.shown, self._known)


class Link:
    """An open connection and what can be opened on it."""

    def __init__(self, node: Node, connection: asyncssh.SSHClientConnection) -> None:
        self._node = node
        self.connection = connection
        self._running: set[Dialogue] = set()

    @property
    def closed(self) -> bool:
        """Whether nothing can be opened on it any more."""
        return self.connection.is_closed()

    async def open(self, launch: Launch, sink: Sink) -> tuple[Dialogue, SshWire]:
        """Start an operation's program in a channel."""
        return await self._run(launch, launcher.render(launch), sink)

    async def reap(self, launch: Launch) -> Kill:
        """End what is left of an operation; raises TransportError."""
        dialogue, wire = await self._run(launch, launcher.render_reap(launch), _nothing)
        try:
            word = await asyncio.shield(dialogue.answer)
        finally:
            await wire.close()
        return Kill(OUTCOMES.get(word, "unreachable"), dialogue.group)

    async def put(self, local: str, remote: str) -> None:
        """Copy a file there, mode kept."""
        async with self._sftp() as sftp:
            await sftp.put(local, remote, follow_symlinks=True)
            status = await asyncio.to_thread(Path(local).stat)
            await sftp.chmod(remote, status.st_mode & _MODE)

    async def get(self, remote: str, local: str) -> None:
        """Copy a file from there, mode kept."""
        async with self._sftp() as sftp:
            await sftp.get(remote, local, follow_symlinks=True)
            mode = (await sftp.stat(remote)).permissions
            if mode is not None:
                await asyncio.to_thread(Path(local).chmod, mode & _MODE)

    async def shell(self) -> Shell:
        """Open a shell in a terminal. Raises TargetError, ConnectionLostError."""
        try:
            return await shell(self.connection, self._node.key)
        except asyncssh.ChannelOpenError as error:
            raise TargetError(f"{self._node.key}: the SSH server gives no terminal: {error.reason}") from None
        except (asyncssh.Error, OSError) as error:
            raise ConnectionLostError(f"{self._node.key}: the connection was lost: {error}") from None

    async def close(self) -> None:
        """End the connection."""
        for dialogue in tuple(self._running):
            dialogue.fail(
                ConnectionLostError(f"{self._node.key}: the connection was closed before the operation ended")
            )
        self.connection.close()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.connection.wait_closed()
        except TimeoutError:
            self.connection.abort()
            await self.connection.wait_closed()

    async def _run(self, launch: Launch, program: launcher.Program, sink: Sink) -> tuple[Dialogue, SshWire]:
        become = self._node.access.become
        door = Door(become, launch.token, program) if become else None
        dialogue = Dialogue(launch, sink, self._node.key)
        wire = SshWire(dialogue, self._node.key)
        if door is not None:
            # before anything can come: the question for the password is heard once
            dialogue.go_through(door, wire.send)
        try:
            await self.connection.create_session(
                lambda: wire,
                door.command if door else program.command,
                encoding=None,
                window=_WINDOW,
            )
        except asyncssh.ChannelOpenError as error:
            if self.connection.is_closed():
                raise ConnectionLostError(f"{self._node.key}: the connection is lost; start the job again") from None
            raise TargetError(
                f"{self._node.key}: the SSH server refused a further session ({error.reason}); "
                "see MaxSessions in its sshd_config"
            ) from None
        except (asyncssh.Error, OSError) as error:
            raise ConnectionLostError(f"{self._node.key}: the connection was lost: {error}") from None
        if door is None:
            wire.send(program.text)
        self._running.add(dialogue)
        dialogue.exit.add_done_callback(lambda _: self._running.discard(dialogue))
        return dialogue, wire

    @asynccontextmanager
    async def _sftp(self) -> AsyncIterator[asyncssh.SFTPClient]:
        try:
            async with self.connection.start_sftp_client() as sftp:
                yield sftp
        except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, asyncssh.DisconnectError) as error:
            raise ConnectionLostError(f"{self._node.key}: the connection was lost during a copy: {error}") from None
        except (asyncssh.SFTPError, asyncssh.ChannelOpenError) as error:
            raise TargetError(f"{self._node.key}: the copy failed: {error.reason}") from None


def _nothing(_: bytes) -> None:
    """Take the output of a program that has none."""
