"""One asyncssh connection: how it is made, what is opened on it, and its failures in our words.

This module imports asyncssh; import it only when a connection is made.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import asyncssh

from pilothouse.errors import AuthenticationError, ConnectionLostError, TargetError, UnreachableError
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.secret import Secret
from pilothouse.settings import Settings
from pilothouse.transports import launcher
from pilothouse.transports.contract import Kill, Launch, Sink
from pilothouse.transports.credentials import Credentials, username
from pilothouse.transports.dial import dial
from pilothouse.transports.dialogue import Dialogue
from pilothouse.transports.host_keys import HostKeys, Known, Target
from pilothouse.transports.ssh_wire import SshWire

_LOG: Final = logging.getLogger(__name__)
_DEFAULT_PORT: Final = 22
_CLOSE_SECONDS: Final = 2.0
_LOST_PINGS: Final = 3
_WINDOW: Final = 1 << 20
_RETRIES: Final = 4
_FIRST_PAUSE: Final = 0.2
# the cheapest first (sntrup761 costs 155 ms of processor time a connection); all others stay on offer
_EXCHANGES: Final = "^curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384"
_MODE: Final = 0o7777
_CIPHERS: Final = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr"
_FIXED: Final[dict[str, Any]] = {
    "config": None,
    "kex_algs": _EXCHANGES,
    "encryption_algs": _CIPHERS,
    "compression_algs": None,
    "x509_trusted_certs": None,
    "gss_kex": False,
    "gss_auth": False,
    "keepalive_count_max": _LOST_PINGS,
    "login_timeout": 0,
}


class Linker:
    """Makes connections with a site's settings."""

    def __init__(self, settings: Settings, open_secret: Callable[[Secret], str]) -> None:
        self._settings = settings
        self._credentials = Credentials(settings.identities, open_secret)
        self._host_keys = HostKeys(settings.known_hosts, settings.host_keys)
        # every packet would otherwise be offered to the log
        asyncssh.set_log_level(logging.WARNING)
        if settings.host_keys == "accept-any":
            _LOG.warning("host keys are not verified (host_keys = accept-any): anybody may pose as any machine")

    async def link(self, node: Node) -> "Link":
        """Connect and log in. Raises UnreachableError, HostKeyError, AuthenticationError."""
        pause = _FIRST_PAUSE
        for attempt in range(_RETRIES):
            try:
                return await self._link(node)
            except _CutOffError as error:
                if attempt == _RETRIES - 1:
                    raise UnreachableError(str(error)) from None
            await asyncio.sleep(pause)
            pause *= 2
        raise AssertionError(node.key)

    async def _link(self, node: Node) -> "Link":
        port = node.protocol_port or _DEFAULT_PORT
        connection = await dial(node.host, port)
        try:
            target = Target(node.host, connection.getpeername()[0], port)
            return await self._log_in(node, target, connection)
        except BaseException:
            connection.close()
            raise

    async def _log_in(self, node: Node, target: Target, connection: socket.socket) -> "Link":
        known = await self._host_keys.known(target)
        client = _Client(self._host_keys, known)
        try:
            opened = await asyncssh.connect(
                target.host,
                target.port,
                sock=connection,
                client_factory=lambda: client,
                known_hosts=self._trusted(known),
                server_host_key_algs=[name.decode() for name in known.algorithms()],
                keepalive_interval=self._settings.keepalive,
                **_FIXED,
                **await self._credentials.options(node),
            )
        except asyncssh.HostKeyNotVerifiable:
            raise await self._host_keys.refusal(target, client.shown, known) from None
        except asyncssh.PermissionDenied:
            raise await self._denied(node, target) from None
        except (asyncssh.ConnectionLost, ConnectionError) as error:
            raise _CutOffError(f"{node.key}: {target.entry} ended the connection during the login ({error})") from None
        except asyncssh.Error as error:
            raise UnreachableError(f"{node.key}: {target.entry} and this side cannot agree: {error}") from None
        if client.shown is not None and self._settings.host_keys == "accept-new":
            await self._host_keys.remember(target, client.shown)
        return Link(node, opened)

    def _trusted(self, known: Known) -> Any:
        if self._settings.host_keys == "accept-any":
            return None
        return ([*known.own, *known.lent], list(known.authorities), list(known.revoked), [], [], [], [])

    async def _denied(self, node: Node, target: Target) -> AuthenticationError:
        offered = self._credentials.offered(node, await self._credentials.keys())
        return AuthenticationError(
            f"{node.key}: {target.entry} refused the login of user {username(node)!r}; offered: {offered}. "
            "Check the user and its password, or add a key (setting identities)"
        )


class _CutOffError(Exception):
    """The server went away during the handshake: worth another try."""


class _Client(asyncssh.SSHClient):
    """Judges host keys that no file holds."""

    def __init__(self, host_keys: HostKeys, known: Known) -> None:
        self.shown: asyncssh.SSHKey | None = None
        self._host_keys = host_keys
        self._known = known

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.shown = key
        return self._host_keys.accepts(key, self._known)


class Link:
    """An open connection and what can be opened on it."""

    def __init__(self, node: Node, connection: asyncssh.SSHClientConnection) -> None:
        self._node = node
        self._connection = connection
        self._running: set[Dialogue] = set()

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
        return Kill({"killed": "killed", "gone": "already gone"}.get(word, "unreachable"), dialogue.group)

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

    async def close(self) -> None:
        """End the connection."""
        for dialogue in tuple(self._running):
            dialogue.fail(
                ConnectionLostError(f"{self._node.key}: the connection was closed before the operation ended")
            )
        self._connection.close()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._connection.wait_closed()
        except TimeoutError:
            self._connection.abort()
            await self._connection.wait_closed()

    async def _run(self, launch: Launch, program: launcher.Program, sink: Sink) -> tuple[Dialogue, SshWire]:
        dialogue = Dialogue(launch, sink, self._node.key)
        wire = SshWire(dialogue, self._node.key)
        try:
            await self._connection.create_session(
                lambda: wire,
                program.command,
                encoding=None,
                window=_WINDOW,
            )
        except asyncssh.ChannelOpenError as error:
            if self._connection.is_closed():
                raise ConnectionLostError(f"{self._node.key}: the connection is lost; start the job again") from None
            raise TargetError(
                f"{self._node.key}: the SSH server refused a further session ({error.reason}); "
                "see MaxSessions in its sshd_config"
            ) from None
        except (asyncssh.Error, OSError) as error:
            raise ConnectionLostError(f"{self._node.key}: the connection was lost: {error}") from None
        wire.send(program.text)
        self._running.add(dialogue)
        dialogue.exit.add_done_callback(lambda _: self._running.discard(dialogue))
        return dialogue, wire

    @asynccontextmanager
    async def _sftp(self) -> AsyncIterator[asyncssh.SFTPClient]:
        try:
            async with self._connection.start_sftp_client() as sftp:
                yield sftp
        except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, asyncssh.DisconnectError) as error:
            raise ConnectionLostError(f"{self._node.key}: the connection was lost during a copy: {error}") from None
        except (asyncssh.SFTPError, asyncssh.ChannelOpenError) as error:
            raise TargetError(f"{self._node.key}: the copy failed: {error.reason}") from None


def _nothing(_: bytes) -> None:
    """Take the output of a program that has none."""
