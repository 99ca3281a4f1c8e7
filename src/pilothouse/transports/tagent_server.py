"""A daemon that speaks the Tagent protocol (spec sections 7.2 to 7.5), to be reached by `TagentTransport` and others.

Differences on purpose: commands never stand in the log, login profiles are not evaluated, user switching is left to
the kernel (the process itself changes its user before it touches a file).
"""

import asyncio
import contextlib
import hmac
import logging
import os
import tempfile
import time
from collections.abc import Mapping
from typing import Final

from pilothouse.transports import tagent_wire
from pilothouse.transports.tagent_credential import CredentialFile
from pilothouse.transports.tagent_requests import REQUESTS, Answering
from pilothouse.transports.tagent_wire import Cipher, Framing, Greeting, WireError

_LOG: Final = logging.getLogger(__name__)
_BLOCK: Final = 65536
_AUTH_SECONDS: Final = 600
_HANDSHAKE_SECONDS: Final = 15.0
_BACKLOG: Final = 128


class TagentServer:
    """Takes connections; each carries one request, and its processes die with it."""

    def __init__(
        self, credential: CredentialFile, *, encrypted: bool = False, environ: Mapping[str, str] = os.environ
    ) -> None:
        self.credential = credential
        self._encrypted = encrypted
        self._environ = {"TMPDIR": tempfile.gettempdir(), **environ}
        self._server: asyncio.Server | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int) -> int:
        """Begin to listen; returns the port, which was chosen when 0 was asked for. Raises OSError."""
        self._server = await asyncio.start_server(self._serve, host, port, backlog=_BACKLOG)
        number: int = self._server.sockets[0].getsockname()[1]
        return number

    async def close(self) -> None:
        """Stop listening, cut every connection, end everything that runs for them."""
        if self._server is not None:
            self._server.close()
        self.cut()
        while self._running:
            await asyncio.wait(self._running)

    def cut(self) -> int:
        """Cut every connection, as a broken network would; returns how many there were."""
        for task in self._running:
            task.cancel()
        return len(self._running)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # the stream server would report a cancelled handler as a fault
        task = asyncio.create_task(self._connection(reader, writer))
        self._running.add(task)
        await asyncio.wait([task])
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _LOG.error("a connection failed: %s", error, exc_info=error)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        try:
            framing = Framing()
            async with asyncio.timeout(_HANDSHAKE_SECONDS):
                accepted = await self._shake_hands(framing, reader, writer)
            if not accepted:
                _LOG.warning("%s: refused: wrong credential or a clock that differs", peer[0])
            elif payload := await receive(framing, reader):
                await self._answer(payload, framing, reader, writer, peer[0])
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            _LOG.info("%s: the connection ended", peer[0])
        finally:
            writer.close()

    async def _shake_hands(self, framing: Framing, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        cipher = Cipher(self.credential.text.encode())
        digits, expected = tagent_wire.challenge(cipher, int(time.time()))
        version = tagent_wire.ENCRYPTED if self._encrypted else tagent_wire.PLAIN
        writer.write(framing.chunk(Greeting("Linux", "UTF-8", digits, version).encode()))
        await writer.drain()
        if self._encrypted:
            framing.cipher = cipher
        payload = await receive(framing, reader)
        found = tagent_wire.opened_answer(cipher, payload)
        accepted = hmac.compare_digest(found, expected) and time.time() - _moment(expected) < _AUTH_SECONDS
        writer.write(framing.chunk(tagent_wire.SUCCEEDED if accepted else b"auth failed: wrong credential"))
        await writer.drain()
        return accepted

    async def _answer(
        self, payload: bytes, framing: Framing, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str
    ) -> None:
        answering = Answering(framing, reader, writer, self.credential, self._environ)
        try:
            request = tagent_wire.decode_request(payload)
            # what is run or where it goes may hold secrets: neither is logged
            size = sum(map(len, request.fields))
            _LOG.info("%s: %s as %s (%d characters)", peer, request.kind, request.user, size)
            handler = REQUESTS.get(request.kind)
            unknown = f"unknown request {request.kind[:20]!r}"
            error = await handler(answering, request) if handler else unknown
        except (WireError, OSError) as failure:
            error = str(failure)
            _LOG.info("%s: failed", peer)
        with contextlib.suppress(OSError):
            await answering.end(error)


async def receive(framing: Framing, reader: asyncio.StreamReader) -> bytes:
    """Return the next payload, no byte more is read; empty at the end of the connection."""
    found: list[bytes] = []
    with contextlib.suppress(asyncio.IncompleteReadError):
        head = await reader.readexactly(2)
        found = list(framing.feed(head + await reader.readexactly(int.from_bytes(head, "big"))))
    return found[0] if found else b""


def _moment(expected: bytes) -> int:
    return int(expected.rpartition(b",")[2])
