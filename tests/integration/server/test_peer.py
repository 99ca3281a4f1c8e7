"""HTTP as it comes over the wire: at once, in order, and with an end."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.servers import PATIENCE, Server, serving

from pilothouse.server import listen
from pilothouse.server.peer import LARGEST_HEAD

_RUN_ID = b"GET /getRunId HTTP/1.1\r\nHost: x\r\n"
_FORM = b"url=" + b"x" * LARGEST_HEAD
_POST = b"POST /supplySupply HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(_FORM) + _FORM


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path) as found:
        yield found


async def connected(server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def spoken(server: Server, *sent: bytes) -> bytes:
    """Return everything that is answered until the server closes the connection."""
    reader, writer = await connected(server)
    try:
        async with asyncio.timeout(PATIENCE):
            for part in sent:
                writer.write(part)
                await writer.drain()
            return await reader.read()
    finally:
        writer.close()


async def test_answers_do_not_wait_for_the_clients_acknowledgement() -> None:
    met: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    class Noted(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            met.set_result(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            transport.close()

    endpoint = listen.bind(listen.Address("127.0.0.1", 0))
    async with await asyncio.get_running_loop().create_server(Noted, sock=endpoint.socket):
        _, writer = await asyncio.open_connection(*endpoint.socket.getsockname())
        assert await asyncio.wait_for(met, PATIENCE) != 0
        writer.close()


async def test_requests_on_one_connection_are_answered_in_order(server: Server) -> None:
    answers = await spoken(server, _RUN_ID + b"\r\n" + b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    first, second = answers.index(b"HTTP/1.1 200 OK"), answers.index(b"HTTP/1.1 404")
    assert first < second


@pytest.mark.parametrize("before", [b"", _POST])
@pytest.mark.parametrize("part", [b"X-Long: " + b"x" * 1000 + b"\r\n", b"x" * 1000])
async def test_a_head_has_an_end_and_a_body_is_no_head(server: Server, before: bytes, part: bytes) -> None:
    """The refusal itself may be lost: whoever still sends to a closed connection hears of that first."""
    reader, writer = await connected(server)
    writer.write(before + _RUN_ID + (b"" if part.endswith(b"\n") else b"X: "))
    taken = 0
    async with asyncio.timeout(PATIENCE):
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof() and taken < 100 * LARGEST_HEAD:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)
                taken += len(part)
    writer.close()
    assert taken < 100 * LARGEST_HEAD
    answer = await spoken(server, _RUN_ID + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_large_body_is_taken(server: Server) -> None:
    answer = await spoken(server, _POST + _RUN_ID + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"HTTP/1.1 200 " in answer


@pytest.mark.parametrize(
    "sent",
    [
        b"what is this\r\n\r\n",
        _RUN_ID + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        _RUN_ID + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        _RUN_ID + b"A bad header\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_refused(server: Server, sent: bytes) -> None:
    assert (await spoken(server, sent)).startswith(b"HTTP/1.1 400 ")
