"""Where clients come in: plain on loopback, TLS elsewhere; bounded before anybody has logged in (headless 8.1, 17)."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections import Counter
from typing import Final

from pilothouse.headless.server.bounds import Bounds
from pilothouse.headless.server.connection import Connection, Door
from pilothouse.headless.server.login import Reception
from pilothouse.headless.server.sessions import Sessions

_LOG: Final = logging.getLogger("pilothouse.headless")


class Hall:
    """Every connection of a server, over all its listeners."""

    def __init__(self, reception: Reception, sessions: Sessions, bounds: Bounds) -> None:
        self._reception = reception
        self._sessions = sessions
        self._bounds = bounds
        self._of_address: Counter[str] = Counter()
        self._half_open: dict[asyncio.Task[None], None] = {}
        self._all: set[asyncio.Task[None]] = set()

    async def open(self, bound: socket.socket, tls: ssl.SSLContext | None, door: Door) -> asyncio.Server:
        """Listen on a bound socket."""

        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._visit(reader, writer, tls, door)

        # without TLS at first, so that handshakes that nobody finishes are counted, and dropped, as well
        return await asyncio.start_server(greet, sock=bound)

    async def close(self) -> None:
        """Hang up on everybody; no session notices."""
        for task in self._all:
            task.cancel()
        if self._all:
            await asyncio.wait(self._all)

    async def _visit(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tls: ssl.SSLContext | None, door: Door
    ) -> None:
        task = asyncio.current_task()
        address = str((writer.get_extra_info("peername") or ("local",))[0])
        if task is None or not self._has_room(address):
            writer.transport.abort()
            return
        _configure(writer)
        self._of_address[address] += 1
        self._all.add(task)
        self._half_open[task] = None
        speaks = tls is None
        try:
            if tls is not None and not (speaks := await _encrypted(writer, tls, door.timing.opening)):
                return
            connection = Connection(
                reader, writer, door, self._reception, self._sessions, lambda: self._half_open.pop(task, None)
            )
            await connection.serve()
        except asyncio.CancelledError:
            return  # asyncio's server reports a cancelled handler as an error, which it is not
        finally:
            self._half_open.pop(task, None)
            self._all.discard(task)
            self._of_address[address] -= 1
            if not self._of_address[address]:
                del self._of_address[address]
            if speaks:
                await _close(writer, door.timing.closing)

    def _has_room(self, address: str) -> bool:
        if len(self._all) >= self._bounds.connections:
            return False
        if self._of_address[address] >= self._bounds.connections_per_address:
            return False
        if len(self._half_open) >= self._bounds.half_open:
            oldest = next(iter(self._half_open))
            del self._half_open[oldest]
            oldest.cancel()
        return True


def _configure(writer: asyncio.StreamWriter) -> None:
    wire = writer.get_extra_info("socket")
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


async def _encrypted(writer: asyncio.StreamWriter, tls: ssl.SSLContext, seconds: float) -> bool:
    """Shake hands; returns whether the client did so in time."""
    # nothing is awaited between the acceptance and this, so none of the client's bytes are taken for plain ones
    try:
        await writer.start_tls(tls, ssl_handshake_timeout=seconds)
    except (OSError, TimeoutError):
        writer.transport.abort()
        return False
    except BaseException:
        writer.transport.abort()
        raise
    return True


async def _close(writer: asyncio.StreamWriter, patience: float) -> None:
    with contextlib.suppress(OSError, TimeoutError, ssl.SSLError):
        writer.close()
        async with asyncio.timeout(patience):
            await writer.wait_closed()
            return
    writer.transport.abort()
