"""One request to a Tagent daemon: a TCP connection of its own, opened with the handshake (spec section 7.3)."""

import asyncio
import socket
from typing import Final

from pilothouse.errors import AuthenticationError, ConnectionLostError, TargetError, UnreachableError
from pilothouse.transports import tagent_wire
from pilothouse.transports.tagent_wire import Cipher, Framing, Request, WireError

_BLOCK: Final = 65536
_LOST_PINGS: Final = 3


class Exchange:
    """An authenticated connection that carries one request."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, framing: Framing, where: str
    ) -> None:
        self._reader = reader
        self._writer = writer
        self.framing = framing
        self._where = where
        self._waiting: list[bytes] = []

    @property
    def ended(self) -> bool:
        """Whether the daemon has ended its stream by the end mark."""
        return self.framing.ended

    async def send(self, *frames: bytes) -> None:
        """Send chunks that `chunk` or `end` made. Raises ConnectionLostError."""
        try:
            self._writer.writelines(frames)
            await self._writer.drain()
        except OSError as error:
            raise self._lost(error) from None

    async def ask(self, request: Request) -> None:
        """Send the request. Raises ConnectionLostError, TargetError when it is too long."""
        try:
            chunk = self.framing.chunk(request.encode())
        except WireError as error:
            raise TargetError(f"{self._where}: {error}") from None
        await self.send(chunk)

    async def payloads(self) -> list[bytes]:
        """Return what has come, at least one payload; empty at the end. Raises ConnectionLostError."""
        if self._waiting:
            found, self._waiting = self._waiting, []
            return found
        while not self.framing.ended:
            data = await self._read()
            if not data:
                raise self._lost(None)
            if found := list(self.framing.feed(data)):
                return found
        return []

    async def payload(self) -> bytes:
        """Return the next payload; empty at the end. Raises ConnectionLostError."""
        found = await self.payloads()
        self._waiting = found[1:]
        return found[0] if found else b""

    async def error(self) -> str:
        """Return the text after the end mark, empty for success; to be asked when the payloads have ended."""
        while data := await self._read():
            list(self.framing.feed(data))
        return self.framing.text

    async def copy(self, content: bytes) -> None:
        """Send a part of a stream. Raises ConnectionLostError."""
        await self.send(self.framing.chunks(content))

    async def finish(self) -> None:
        """End the stream that goes there, and that direction of the connection."""
        await self.send(self.framing.end())
        if self._writer.can_write_eof():
            self._writer.write_eof()

    def close(self) -> None:
        """Cut the connection: whatever runs on it is ended by the daemon."""
        self._writer.close()

    async def _read(self) -> bytes:
        try:
            return await self._reader.read(_BLOCK)
        except OSError as error:
            raise self._lost(error) from None

    def _lost(self, error: OSError | None) -> ConnectionLostError:
        why = error.strerror or error if error else "the daemon ended it"
        return ConnectionLostError(f"{self._where}: the connection was lost ({why})")


async def open_exchange(host: str, port: int, credential: str, where: str, keepalive: float) -> Exchange:
    """Connect and prove that both sides have the credential; the caller sets the time limit.

    Raises UnreachableError, AuthenticationError.
    """
    place = f"{host}:{port}"
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        why = error.strerror or error
        raise UnreachableError(
            f"{where}: {place} cannot be reached ({why}); is a Tagent daemon listening there? Check host and port"
        ) from None
    exchange = Exchange(reader, writer, Framing(), where)
    try:
        _keep_alive(writer, keepalive)
        await _shake_hands(exchange, Cipher(credential.encode()), place, where)
    except BaseException:
        exchange.close()
        raise
    return exchange


async def _shake_hands(exchange: Exchange, cipher: Cipher, place: str, where: str) -> None:
    try:
        greeting = tagent_wire.decode_greeting(await exchange.payload())
        reply = tagent_wire.answer(cipher, greeting.challenge)
        if greeting.encrypted:
            exchange.framing.cipher = cipher
        await exchange.send(exchange.framing.chunk(reply))
        verdict = await exchange.payload()
    except ConnectionLostError:
        raise UnreachableError(f"{where}: {place} ended the connection during the handshake; check the port") from None
    except WireError as error:
        raise UnreachableError(f"{where}: {place}: {error}") from None
    except AuthenticationError as error:
        raise AuthenticationError(f"{where}: {place}: {error}; check the node's password") from None
    if verdict != tagent_wire.SUCCEEDED:
        said = verdict.decode("utf-8", "replace") or await exchange.error()
        raise AuthenticationError(f"{where}: {place} refused the credential: {said}; check the node's password")


def _keep_alive(writer: asyncio.StreamWriter, seconds: float) -> None:
    """Let the system find out about a dead peer: a command may be silent for as long as it likes."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if seconds <= 0:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", seconds), ("TCP_KEEPINTVL", seconds), ("TCP_KEEPCNT", _LOST_PINGS)):
        if option := getattr(socket, name, None):
            connection.setsockopt(socket.IPPROTO_TCP, option, max(1, int(value)))
