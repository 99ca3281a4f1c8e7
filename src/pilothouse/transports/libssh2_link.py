"""One libssh2 connection: how it is made, what is opened on it, and its failures in our words.

This module imports ssh2; import it only when a connection is made.
"""

import asyncio
import socket
from typing import TYPE_CHECKING, Any, Final

from ssh2 import session as ssh2_session
from ssh2.exceptions import (
    AuthenticationError,
    ChannelError,
    MethodNotSupported,
    SocketDisconnectError,
    SocketRecvError,
    SocketSendError,
    SSH2Error,
)

from pilothouse.errors import ConnectionLostError, TargetError
from pilothouse.jobs.nodes import Node
from pilothouse.settings import Settings
from pilothouse.transports import launcher
from pilothouse.transports.become import Door
from pilothouse.transports.contract import Kill, Launch, Sink
from pilothouse.transports.credentials import Credentials, username
from pilothouse.transports.dial import DEFAULT_PORT, CutOffError, dial
from pilothouse.transports.dialogue import Dialogue
from pilothouse.transports.fast_path import MismatchError, algorithms
from pilothouse.transports.host_keys import HostKeys, Known, Target
from pilothouse.transports.key_files import KeyFile
from pilothouse.transports.known_hosts import HostKey
from pilothouse.transports.libssh2_session import DrivenSession
from pilothouse.transports.libssh2_wire import Libssh2Wire
from pilothouse.transports.operation import OUTCOMES

if TYPE_CHECKING:
    from pilothouse.transports.libssh2_sftp import Copies

_EXCHANGES: Final = (
    "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521"
)
_CIPHERS: Final = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr"
_MACS: Final = "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512"
_METHODS: Final = {
    ssh2_session.LIBSSH2_METHOD_KEX: _EXCHANGES,
    ssh2_session.LIBSSH2_METHOD_CRYPT_CS: _CIPHERS,
    ssh2_session.LIBSSH2_METHOD_CRYPT_SC: _CIPHERS,
    ssh2_session.LIBSSH2_METHOD_MAC_CS: _MACS,
    ssh2_session.LIBSSH2_METHOD_MAC_SC: _MACS,
}
_CUT_OFF: Final = (SocketDisconnectError, SocketRecvError, SocketSendError, ConnectionError)


class FastLinker:
    """Makes connections with a site's settings."""

    def __init__(self, settings: Settings, credentials: Credentials, host_keys: HostKeys) -> None:
        self._keepalive = settings.keepalive
        self._credentials = credentials
        self._host_keys = host_keys

    async def link(self, node: Node) -> "FastLink":
        """Connect and log in.

        Raises UnreachableError, HostKeyError, AuthenticationError, CutOffError; MismatchError when the general
        path should do it.
        """
        port = node.protocol_port or DEFAULT_PORT
        connection = await dial(node.host, port)
        session = DrivenSession(connection, self._keepalive)
        try:
            target = Target(node.host, connection.getpeername()[0], port)
            await self._log_in(node, target, session, connection)
        except _CUT_OFF as error:
            session.close()
            raise CutOffError(
                f"{node.key}: {target.entry} ended the connection during the login ({_named(error)})"
            ) from None
        except SSH2Error as error:
            why = session.raw.last_error() if session.raw is not None else ""
            session.close()
            raise MismatchError(f"{_named(error)} {why}".rstrip()) from None
        except BaseException:
            session.close()
            raise
        session.keep_alive()
        return FastLink(node, session)

    async def _log_in(self, node: Node, target: Target, session: DrivenSession, connection: socket.socket) -> None:
        known = await self._host_keys.known(target)
        _prefer(session.raw, known)
        await session.call(lambda: session.raw.handshake(connection))
        key = HostKey(session.raw.hostkey()[0])
        if not self._host_keys.accepts(key, known):
            raise await self._host_keys.refusal(target, key, known)
        await self._prove(node, target, session)
        await self._host_keys.remember(target, key, known)

    async def _prove(self, node: Node, target: Target, session: DrivenSession) -> None:
        """Offer the password, then each key; what is left (agent, questions) is for the general path."""
        user = username(node)
        keys = await self._credentials.keys()
        password = self._credentials.password(node)
        if password is not None and await _accepted(session, lambda: session.raw.userauth_password(user, password)):
            return
        for key in keys.usable:
            if await _accepted(session, lambda key=key: _offer(session.raw, user, key)):
                return
        raise MismatchError("the login was refused", password_refused=password is not None)


class FastLink:
    """An open connection and what can be opened on it."""

    def __init__(self, node: Node, session: DrivenSession) -> None:
        self._node = node
        self._session = session
        self._copies: Copies | None = None

    async def open(self, launch: Launch, sink: Sink) -> tuple[Dialogue, Libssh2Wire]:
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
        await self._copying().put(local, remote)

    async def get(self, remote: str, local: str) -> None:
        """Copy a file from there, mode kept."""
        await self._copying().get(remote, local)

    async def close(self) -> None:
        """End the connection."""
        if self._copies is not None:
            await self._copies.close()
        self._session.close()

    def _copying(self) -> "Copies":
        if self._copies is None:
            from pilothouse.transports.libssh2_sftp import Copies  # noqa: PLC0415 - few jobs copy files

            self._copies = Copies(self._session, self._node.key)
        return self._copies

    async def _run(self, launch: Launch, program: launcher.Program, sink: Sink) -> tuple[Dialogue, Libssh2Wire]:
        session, where, become = self._session, self._node.key, self._node.access.become
        door = Door(become, launch.token, program) if become else None
        command = door.command if door else program.command
        try:
            channel = await session.call(session.raw.open_session)
            await session.call(lambda: channel.execute(command))
        except ChannelError as error:
            why = f"{_named(error)} {session.raw.last_error() if session.raw is not None else ''}".rstrip()
            raise TargetError(
                f"{where}: the SSH server refused a further session ({why}); see MaxSessions in its sshd_config"
            ) from None
        except (SSH2Error, ConnectionError) as error:
            raise ConnectionLostError(
                f"{where}: the connection was lost ({_named(error)}); start the job again"
            ) from None
        dialogue = Dialogue(launch, sink, where)
        wire = Libssh2Wire(session, channel, dialogue, where)
        if door is None:
            wire.send(program.text)
        else:
            dialogue.go_through(door, wire.send)
        # only now: the question for the password may have come already, and is heard once
        session.join(wire)
        return dialogue, wire


def _prefer(raw: Any, known: Known) -> None:
    for method, names in _METHODS.items():
        raw.method_pref(method, names)
    try:
        raw.method_pref(ssh2_session.LIBSSH2_METHOD_HOSTKEY, ",".join(algorithms(known)))
    except MethodNotSupported:
        raise MismatchError("its host keys are of no kind that libssh2 knows") from None


def _offer(raw: Any, user: str, key: KeyFile) -> Any:
    return raw.userauth_publickey_frommemory(user, key.content, "", key.public)


async def _accepted(session: DrivenSession, step: Any) -> bool:
    try:
        await session.call(step)
    except AuthenticationError:
        return False
    return True


def _named(error: Exception) -> str:
    return str(error) or type(error).__name__


def _nothing(_: bytes) -> None:
    """Take the output of a program that has none."""
