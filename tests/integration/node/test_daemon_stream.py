"""The master's stream of changes as the daemon hears it: masters that lie, are slow, go away, come back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from tests.sshd import free_port

from pilothouse.clock import SystemClock
from pilothouse.node.daemon import stream
from pilothouse.node.daemon.hints import Event, StreamError
from pilothouse.node.daemon.listener import Hearing, Listener
from pilothouse.node.daemon.stream import AbsentError, RefusedError, Source

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
HELLO = b"event: hello\nid: 0-1\ndata: {}\n\n"
Serve = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


@contextlib.asynccontextmanager
async def master(serve: Serve) -> AsyncIterator[Source]:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await serve(await reader.readuntil(b"\r\n\r\n"), writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield Source(url=f"http://127.0.0.1:{port}/below/api/v1/changes")


async def heard(answer: bytes, silence: float = 60.0) -> list[Event]:
    async def serve(_: bytes, writer: asyncio.StreamWriter) -> None:
        for byte in range(0, len(answer), 7):
            writer.write(answer[byte : byte + 7])
            await writer.drain()

    async with master(serve) as source:
        return [event async for event in stream.events(source, "", silence)]


async def test_a_stream_is_read_whatever_its_parts() -> None:
    once = [Event("hello", "{}", "0-1")]
    assert await heard(HEAD + b"\r\n" + HELLO) == once
    assert await heard(CHUNKED + chunk(HELLO[:9]) + chunk(HELLO[9:]) + b"0\r\n\r\n") == once
    assert await heard(CHUNKED + chunk(HELLO * 500) + b"0\r\n\r\n") == once * 500


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", AbsentError),
        (b"HTTP/1.1 405 No\r\n\r\n", AbsentError),
        (b"HTTP/1.1 301 Away\r\nLocation: /\r\n\r\n", AbsentError),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>", AbsentError),
        (b"HTTP/1.1 200 OK\r\n\r\n", AbsentError),
        (b"HTTP/1.1 401 No\r\n\r\n", RefusedError),
        (b"HTTP/1.1 403 No\r\n\r\n", RefusedError),
        (b"HTTP/1.1 500 Broken\r\n\r\n", StreamError),
        (b"HTTP/1.1 429 Wait\r\n\r\n", StreamError),
        (b"", StreamError),
        (b"SSH-2.0-OpenSSH\r\n", StreamError),
        (b"\0" * 100_000, StreamError),
        (b"HTTP/1.1 200 OK\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(200)) + b"\r\n", StreamError),
        (CHUNKED + b"zz\r\n", StreamError),
        (CHUNKED + b"-1\r\n", StreamError),
        (CHUNKED + b"7fffffff\r\n", StreamError),
        (CHUNKED + b"ff\r\nevent: hello", StreamError),
        (HEAD + b"\r\ndata: " + b"x" * 300_000, StreamError),
    ],
)
async def test_what_is_no_stream_is_named(answer: bytes, error: type[Exception]) -> None:
    with pytest.raises(StreamError) as caught:
        await heard(answer)
    assert type(caught.value) is error


async def test_a_silent_master_is_left() -> None:
    for beginning in (b"", HEAD, HEAD + b"\r\n", HEAD + b"\r\nevent: hel"):

        async def serve(_: bytes, writer: asyncio.StreamWriter, beginning: bytes = beginning) -> None:
            writer.write(beginning)
            await asyncio.sleep(60)

        async with master(serve) as source:
            with pytest.raises(TimeoutError):
                async for _ in stream.events(source, "", 0.1):
                    pass


async def test_a_stream_that_was_cut_goes_on_where_it_was() -> None:
    asked: list[bytes] = []

    async def serve(request: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(request)
        if len(asked) == 2:
            writer.write(b"HTTP/1.1 503 Not now\r\n\r\n")
        else:
            writer.write(HEAD + b"\r\n" + HELLO.replace(b"0-1", b"0-%d" % len(asked)))
            await writer.drain()
            if len(asked) > 2:
                await asyncio.sleep(60)

    events: list[Event] = []
    states: list[Hearing] = []
    async with asyncio.timeout(60), master(serve) as source, asyncio.TaskGroup() as group:
        listener = Listener(
            lambda last_id: stream.events(source, last_id), events.append, states.append, SystemClock(), lambda: 0.0
        )
        task = group.create_task(listener.run())
        while len(events) < 2:
            await asyncio.sleep(0.01)
        task.cancel()
    assert [event.id for event in events] == ["0-1", "0-3"]
    assert b"Last-Event-ID" not in asked[0]
    assert b"Last-Event-ID: 0-1\r\n" in asked[2]
    assert asked[0].startswith(b"GET /below/api/v1/changes HTTP/1.1\r\n")
    assert [one.state for one in states] == ["connecting", "open", "away", "away", "open"]
    assert [one.text for one in states[2:4]] == ["the master ended the stream", "the master answers 503"]


async def test_a_master_that_is_not_there() -> None:
    with pytest.raises(OSError, match=r"refused|Connect"):
        async for _ in stream.events(Source(url=f"http://127.0.0.1:{free_port()}/api/v1/changes"), ""):
            pass
    with pytest.raises(AbsentError):
        async for _ in stream.events(Source(url="ftp://127.0.0.1/api/v1/changes"), ""):
            pass


async def test_no_stream_is_asked_for_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with pytest.raises(AbsentError, match="proxy"):
        async for _ in stream.events(Source(url="http://master.example/api/v1/changes"), ""):
            pass


@pytest.mark.parametrize(
    ("url", "state"),
    [
        (f"http://{'a' * 70}.example/api/v1/changes", "away"),
        ("http://[::1/api/v1/changes", "away"),
        ("gopher://127.0.0.1/api/v1/changes", "absent"),
    ],
)
async def test_an_address_that_is_none_does_not_end_the_listening(url: str, state: str) -> None:
    states: list[Hearing] = []
    listener = Listener(
        lambda last_id: stream.events(Source(url=url), last_id), lambda _: None, states.append, SystemClock()
    )
    task = asyncio.create_task(listener.run())
    async with asyncio.timeout(60):
        while len(states) < 2:
            await asyncio.sleep(0.01)
    assert not task.done()
    task.cancel()
    assert states[-1].state == state
    assert states[-1].text
