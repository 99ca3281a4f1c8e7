"""What strangers may say to a real server, and what it costs them and nobody else (headless, checks G)."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.headlessserver import Guest, Server, code, module, serving

from pilothouse.headless import messages
from pilothouse.headless.frames import PREAMBLE
from pilothouse.headless.server.bounds import Bounds
from pilothouse.headless.server.connection import Timing

HELLO = b'<phc v="1" n="1"><hello versions="1"/></phc>'
SHORT = Timing(opening=0.5, login=0.5, enrol=0.5, idle=0.6, keep_alive=0.2, drop=0.4, closing=0.2, penalty=0.01)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path) as found:
        yield found


@pytest.fixture
async def hasty(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path, timing=SHORT) as found:
        yield found


def frame(payload: bytes, length: int | None = None, flags: int = 0, kind: int = 0, reserved: int = 0) -> bytes:
    return struct.pack(">IBBH", len(payload) if length is None else length, flags, kind, reserved) + payload


async def answers(server: Server, *parts: bytes) -> bytes:
    """Return everything that the server says to these bytes until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"".join((PREAMBLE, *parts)))
    try:
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


@pytest.mark.parametrize(
    "bad",
    [frame(HELLO, length=2**32 - 1), frame(HELLO, kind=9), frame(HELLO, flags=2), frame(HELLO, flags=1),
     frame(HELLO, reserved=1), frame(b"x" * 20_000)],
    ids=["length", "type", "flag", "seal", "reserved", "large"],
)  # fmt: skip
async def test_check_56_bad_frames(server: Server, bad: bytes) -> None:
    guest = await Guest.inside(server)
    assert b"PROTO_FRAME" in await answers(server, bad)
    assert isinstance(await guest.start(module("OK1")), messages.Accepted)


DEEP = b"<phc v='1' n='1'>" + b"<a>" * 4000
MANY = b"<phc v='1' n='1'><hello versions='1' " + b" ".join(b"a%d='1'" % n for n in range(1000)) + b"/></phc>"


@pytest.mark.parametrize(
    "payload",
    [b"<!DOCTYPE a [<!ENTITY b 'c'>]><phc/>", b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><phc/>", DEEP, MANY,
     b"<?pi x?><phc/>", b"<phc><!-- c --></phc>", HELLO.decode().encode("utf-16"), b"<phc>\xe4</phc>",
     b"<phc>\xff\xfe</phc>", b"<phc>\0</phc>", b"<phc"],
    ids=["entity", "external", "deep", "attributes", "pi", "comment", "utf-16", "latin", "invalid", "nul", "cut"],
)  # fmt: skip
async def test_check_57_bad_payloads(server: Server, payload: bytes) -> None:
    said = await answers(server, frame(payload))
    assert b"PROTO_XML" in said or b"PROTO_LIMIT" in said


async def test_a_truncated_frame_and_one_byte_now_and_then(hasty: Server) -> None:
    assert b"STEP_TIMEOUT" in await answers(hasty, frame(HELLO)[:12])
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty.port)
    with contextlib.suppress(ConnectionError):
        for byte in PREAMBLE + frame(HELLO):
            writer.write(bytes([byte]))
            await asyncio.sleep(0.03)
            if reader.at_eof():
                break
    with contextlib.suppress(ConnectionError):
        assert b"greet" not in await reader.read()
    writer.transport.abort()


async def test_a_guest_who_says_nothing_is_shown_out(hasty: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty.port)
    assert b"STEP_TIMEOUT" in await reader.read()
    writer.close()
    half = await Guest.to(hasty)
    await half.greet()
    assert (await half.hear()).name == "STEP_TIMEOUT"
    idle = await Guest.inside(hasty)
    assert isinstance(await idle.until(messages.Bye), messages.Bye)


async def test_a_follower_is_asked_whether_it_lives(hasty: Server) -> None:
    guest = await Guest.inside(hasty)
    accepted = await guest.start(module("LOOP"))
    await guest.until(messages.Ping)
    await guest.say(messages.Pong("1"))
    assert await guest.until(messages.Bye) is None, "after two pings without an answer it is dropped"
    assert len(guest.of(messages.Ping)) >= 3
    other = await Guest.inside(hasty)
    assert await other.state(accepted.session) == "running"


async def test_a_slow_reader_is_dropped_and_the_job_goes_on(hasty: Server) -> None:
    guest = await Guest.inside(hasty)
    accepted = await guest.start(code("for _ in range(60_000): print('x' * 200)"))
    other = await Guest.inside(hasty)
    assert await other.becomes(accepted.session, "ok") == "ok"
    await asyncio.sleep(SHORT.drop + 0.5)
    with contextlib.suppress(ConnectionError):
        while await guest.reader.read(1 << 20):
            pass
    assert guest.reader.at_eof() or guest.reader.exception() is not None, "it is still served"


async def test_too_many_strangers_push_out_the_oldest(tmp_path: Path) -> None:
    async with serving(tmp_path, bounds=Bounds(half_open=2)) as server:
        inside = await Guest.inside(server)
        guests = [await Guest.to(server) for _ in range(3)]
        for guest in guests[1:]:
            await guest.greet()
        assert await guests[0].reader.read() == b""
        assert isinstance(await inside.start(module("OK1")), messages.Accepted)


async def test_one_address_has_so_many_connections(tmp_path: Path) -> None:
    async with serving(tmp_path, bounds=Bounds(connections_per_address=1)) as server:
        inside = await Guest.inside(server)
        over = await Guest.to(server)
        with contextlib.suppress(ConnectionError):
            assert await over.reader.read() == b""
        assert isinstance(await inside.start(module("OK1")), messages.Accepted)


async def test_check_59_others_sessions_do_not_exist(server: Server) -> None:
    owner, other, stranger = await Guest.inside(server), await Guest.inside(server, "R42"), await Guest.to(server)
    accepted = await owner.start(module("LOOP"))
    await stranger.greet()
    await stranger.say(messages.Cancel(accepted.session, "force"))
    assert (await stranger.hear()).name == "PROTO_STATE"
    for message in (messages.Attach(accepted.session, 1), messages.Cancel(accepted.session, "force"),
                    messages.Query(session=accepted.session), messages.Query(session="../../etc")):  # fmt: skip
        await other.say(message)
        assert (await other.hear()).name == "NO_SUCH_SESSION"
    await other.say(messages.List(mine=False))
    assert (await other.hear()).statuses == ()
    assert await owner.becomes(accepted.session, "running") == "running"


@pytest.mark.parametrize("kind", ["start", "attach", "cancel", "query", "list"])
async def test_check_59_a_stranger_may_only_log_in(server: Server, kind: str) -> None:
    owner, stranger = await Guest.inside(server), await Guest.to(server)
    accepted = await owner.start(module("LOOP"))
    await stranger.greet()
    await stranger.say({
        "start": messages.Start("a-request", (module("OK1"),), wait="-1", events="all"),
        "attach": messages.Attach(accepted.session, 1),
        "cancel": messages.Cancel(accepted.session, "force"),
        "query": messages.Query(session=accepted.session),
        "list": messages.List(mine=False),
    }[kind])  # fmt: skip
    assert (await stranger.hear()).name == "PROTO_STATE"
    assert await stranger.hear() is None, "the connection is closed"
    assert len(list(server.spools.iterdir())) == 1, "it started something"
    assert await owner.becomes(accepted.session, "running") == "running"


async def test_messages_out_of_turn(server: Server) -> None:
    guest = await Guest.inside(server)
    guest.numbers.sent += 1
    await guest.say(messages.Ping("1"))
    assert (await guest.hear()).name == "PROTO_STATE"
    again = await Guest.inside(server)
    await again.say(messages.Hello("1"))
    assert (await again.hear()).name == "PROTO_STATE"
    old = await Guest.to(server)
    old.writer.write(PREAMBLE)
    await old.reader.readexactly(len(PREAMBLE))
    await old.say(messages.Hello("7"))
    assert (await old.hear()).name == "PROTO_VERSION"


async def test_who_speaks_something_else_is_hung_up_on_and_told_of_once(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "pilothouse.headless")
    for words in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"SSH-2.0-x\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(words)
        assert await _all(reader) == b"", "not a word"
        writer.close()
    assert [record.getMessage() for record in caplog.records if "hung up" in record.getMessage()] == [
        "127.0.0.1 speaks another protocol: hung up"
    ]


async def _all(reader: asyncio.StreamReader) -> bytes:
    with contextlib.suppress(ConnectionError):
        return await reader.read()
    return b""
