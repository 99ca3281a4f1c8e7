"""Machines reached by a Tagent daemon (spec section 7): each request is a connection of its own.

An operation is the same program as over SSH. It is uploaded into the private folder, and runs as a command in a
session of its own. Its orders come through a named pipe there, whose other end the command's shell holds open: the
daemon kills that shell when the engine's connection is gone, and the program learns of it as it does over SSH.
"""

import asyncio
import os
import pwd
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from pilothouse.errors import AuthenticationError, ConnectionLostError, TargetError, TransportError, UnreachableError
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.secret import Secret
from pilothouse.settings import Settings
from pilothouse.transports import launcher, tagent_wire
from pilothouse.transports.contract import Kill, Launch, Sink
from pilothouse.transports.dialogue import Dialogue
from pilothouse.transports.launcher import quote
from pilothouse.transports.operation import Operation
from pilothouse.transports.tagent_link import Exchange, open_exchange
from pilothouse.transports.tagent_merged import signed_lines
from pilothouse.transports.tagent_process import TagentWire
from pilothouse.transports.tagent_wire import Request

_BLOCK: Final = 1 << 18
_MODE: Final = 0o7777
_REAP_SECONDS: Final = 20.0
# what a daemon replaces in the paths of requests: variables and patterns
_EXPANDED: Final = frozenset("$%*?[")


class TagentTransport:
    """Reaches machines by the Tagent protocol; the node's password is the daemon's credential.

    ``open_secret`` turns a node's password into its plain text.
    """

    def __init__(self, settings: Settings, open_secret: Callable[[Secret], str] = Secret.reveal) -> None:
        self._settings = settings
        self._open_secret = open_secret
        self._handshakes = asyncio.Semaphore(settings.handshakes)

    async def connect(self, node: Node) -> "TagentConnection":
        """Check that the daemon is there and has the credential.

        Raises UnreachableError, AuthenticationError, TargetError for fields that mean nothing here.
        """
        if node.access.become or node.access.hops:
            raise TargetError(
                f"{node.key}: becomeUser and proxyJump are for SSH; over Tagent the daemon runs the work as username"
            )
        (await self._open(node)).close()
        return TagentConnection(Daemon(node, self._open, self._settings.operation_timeout))

    async def close(self) -> None:
        """Do nothing: nothing is held between requests."""

    async def _open(self, node: Node) -> Exchange:
        port = node.protocol_port or tagent_wire.DEFAULT_PORT
        credential = self._open_secret(node.password)
        if not credential:
            raise AuthenticationError(
                f"{node.key}: the node has no password; Tagent needs the daemon's credential there"
            )
        limit = self._settings.connect_timeout
        async with self._handshakes:
            try:
                async with asyncio.timeout(limit):
                    return await open_exchange(node.host, port, credential, node.key, self._settings.keepalive)
            except TimeoutError:
                raise UnreachableError(
                    f"{node.key}: {node.host}:{port} finished no handshake within {limit:g} s (setting"
                    " connect_timeout); it is down, filtered, or no Tagent daemon"
                ) from None


class Daemon:
    """The requests that can be made of one node's daemon; each raises TransportError."""

    def __init__(self, node: Node, opener: Callable[[Node], Awaitable[Exchange]], seconds: float) -> None:
        self.where = node.key
        self._node = node
        self._opener = opener
        self._seconds = seconds
        self._user = node.username or pwd.getpwuid(os.geteuid()).pw_name

    @asynccontextmanager
    async def ask(self, kind: str, *fields: str) -> AsyncIterator[Exchange]:
        """Send a request and give the exchange to read its reply from."""
        exchange = await self.begin(Request(self._user, kind, fields))
        try:
            yield exchange
        finally:
            exchange.close()

    async def begin(self, request: Request) -> Exchange:
        """Send a request; the caller closes the exchange."""
        exchange = await self._opener(self._node)
        try:
            await exchange.ask(request)
        except BaseException:
            exchange.close()
            raise
        return exchange

    def execution(self, command: str) -> Request:
        """Return the request to run a command. No environment: daemons write theirs into their log."""
        return tagent_wire.execution(self._user, command, self._seconds)

    async def run(self, command: str) -> tuple[bytes, str]:
        """Run a short command; return its output and the text at its end."""
        exchange = await self.begin(self.execution(command))
        try:
            output = bytearray()
            while found := await exchange.payloads():
                output += b"".join(found)
            return bytes(output), await exchange.error()
        finally:
            exchange.close()

    async def put(self, parts: AsyncIterator[bytes], path: str) -> None:
        """Write a file there."""
        self._check(path)
        async with self.ask("upload", "file", Path(path).name, path, "1") as exchange:
            status = await exchange.payload()
            if not status.startswith(tagent_wire.READY):
                raise TargetError(f"{self.where}: {path}: {await exchange.error() or status!r}")
            try:
                async for part in parts:
                    await exchange.copy(part)
                await exchange.finish()
            except ConnectionLostError:
                # the daemon may have said why before it went
                if not (await exchange.payload() == b"" and exchange.ended):
                    raise
            await exchange.payloads()
            if error := await exchange.error():
                raise TargetError(f"{self.where}: {path}: {error}")

    async def get(self, path: str) -> AsyncIterator[bytes]:
        """Read a file there."""
        self._check(path)
        async with self.ask("download", path, "1") as exchange:
            status = await exchange.payload()
            if status != tagent_wire.READY + b",FileType:file":
                raise TargetError(f"{self.where}: {path}: {await exchange.error() or 'it is no file'}")
            while found := await exchange.payloads():
                yield b"".join(found)
            if error := await exchange.error():
                raise TargetError(f"{self.where}: {path}: {error}")

    def _check(self, path: str) -> None:
        if is_expanded(path):
            raise TargetError(f"{self.where}: {path!r} cannot be named to a Tagent daemon: it would expand it")


class TagentConnection:
    """A machine whose daemon answered; nothing is kept open between requests."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._running: set[TagentWire] = set()

    async def start(self, launch: Launch, sink: Sink) -> Operation:
        """Start an operation. Raises TransportError."""
        program = launcher.render(launch, merged=True).text
        await self._prepare(launch)
        place = f"{launch.folder}/.{launch.token}"
        await self._daemon.put(_once(program), f"{place}.program")
        dialogue = Dialogue(launch, sink, self._daemon.where)
        exchange = await self._daemon.begin(self._daemon.execution(_command(place)))
        wire = TagentWire(self._daemon, exchange, dialogue, launch, self._running)
        return Operation(dialogue, wire, lambda: self._reap(launch))

    async def upload(self, local: str, remote: str) -> None:
        """Copy a file, mode kept. Raises TransportError, OSError."""
        mode = (await asyncio.to_thread(Path(local).stat)).st_mode & _MODE
        if not is_expanded(remote):
            await self._daemon.put(_read(Path(local)), remote)
            await self._sure(f"chmod {mode:o} {quote(remote)}")
        else:
            async with self._beside() as place:
                await self._daemon.put(_read(Path(local)), place)
                await self._sure(f"chmod {mode:o} {place} && mv -f {place} {quote(remote)}")

    async def download(self, remote: str, local: str) -> None:
        """Copy a file, mode kept. Raises TransportError, OSError."""
        mode = await self._sure(f"stat -L -c %a {quote(remote)} 2>/dev/null || stat -L -f %Lp {quote(remote)}")
        if not is_expanded(remote):
            await self._fetch(remote, local)
        else:
            async with self._beside() as place:
                await self._sure(f"cat {quote(remote)} >{place}")
                await self._fetch(place, local)
        await asyncio.to_thread(Path(local).chmod, int(mode.split()[-1], 8) & _MODE)

    async def close(self) -> None:
        """End the connections of operations still running; the machine ends them."""
        for wire in tuple(self._running):
            wire.cut()

    @asynccontextmanager
    async def _beside(self) -> AsyncIterator[str]:
        """Give a place for a file whose own path a daemon would take for something else."""
        place = (await self._sure("mktemp")).strip()
        try:
            yield place
        finally:
            await self._sure(f"rm -f {quote(place)}")

    async def _fetch(self, remote: str, local: str) -> None:
        stream = await asyncio.to_thread(Path(local).open, "wb")
        try:
            async for part in self._daemon.get(remote):
                await asyncio.to_thread(stream.write, part)
        finally:
            await asyncio.to_thread(stream.close)

    async def _sure(self, command: str) -> str:
        output, error = await self._daemon.run(command)
        text = output.decode("utf-8", "replace")
        if error:
            raise TargetError(f"{self._daemon.where}: the copy failed: {text.strip() or error}")
        return text

    async def _prepare(self, launch: Launch) -> None:
        output, error = await self._daemon.run(launcher.render_prepare(launch).text.decode())
        lines = signed_lines(output, launch.token)
        if "ready" in lines:
            return
        faults = [line.removeprefix("error ") for line in lines if line.startswith("error ")]
        said = output.decode("utf-8", "replace").strip()[-500:]
        raise TargetError(f"{self._daemon.where}: {faults[0] if faults else f'no command can be run: {said} {error}'}")

    async def _reap(self, launch: Launch) -> Kill:
        try:
            async with asyncio.timeout(_REAP_SECONDS):
                output, _ = await self._daemon.run(launcher.render_reap(launch, merged=True).text.decode())
        except (TransportError, TimeoutError):
            return Kill("unreachable")
        lines = signed_lines(output, launch.token)
        group = next((int(line.split()[1]) for line in lines if line.startswith("pid ")), None)
        outcome = "killed" if "killed" in lines else "already gone" if "gone" in lines else "unreachable"
        return Kill(outcome, group)


def is_expanded(path: str) -> bool:
    """Say whether a daemon would take the path for another, or refuse it."""
    return not _EXPANDED.isdisjoint(path) or not path.startswith("/") or ".." in path.split("/")


def _command(place: str) -> str:
    """Return the command that runs an uploaded program.

    This shell holds the pipe of the orders open: when the daemon kills it, the program sees their end. The program
    itself is in a session of its own, so that it outlives this shell by the moment it needs to end the operation.
    """
    program, orders = quote(f"{place}.program"), quote(f"{place}.orders")
    run = f'eval "$(cat {program}; rm -f {program})"'
    perl = "perl -MPOSIX -e 'POSIX::setsid(); exec @ARGV'"
    return (
        f"exec 3<>{orders}; ph_s=; if [ -x /usr/bin/setsid ]; then ph_s=/usr/bin/setsid; fi; ph_run={quote(run)}; "
        f'if [ -n "$ph_s" ] || ph_s=$(command -v setsid); then "$ph_s" sh -c "$ph_run" <{orders} 3>&-; '
        f'else {perl} sh -c "$ph_run" <{orders} 3>&-; fi; ph_code=$?; exit $ph_code'
    )


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _read(path: Path) -> AsyncIterator[bytes]:
    stream = await asyncio.to_thread(path.open, "rb")
    try:
        while part := await asyncio.to_thread(stream.read, _BLOCK):
            yield part
    finally:
        await asyncio.to_thread(stream.close)
