"""HTTP as masters, and what stands before them, may answer it."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pilothouse.clock import ManualClock
from pilothouse.slap.client.exchange import Call, Exchange, Reply
from pilothouse.slap.client.pace import Paced
from pilothouse.slap.client.trust import context
from pilothouse.slap.client.wire import UnreadableError, place_of

PATIENCE = 30.0


@contextmanager
def answering(*answers: bytes, kept: bool = False) -> Iterator[tuple[str, list[bytes]]]:
    """Answer requests one after the other, each on a connection of its own unless they are ``kept``."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection = None
            for answer in answers:
                if connection is None:
                    connection = server.accept()[0]
                connection.settimeout(PATIENCE)
                asked.append(connection.recv(65536))
                connection.sendall(answer)
                if not kept:
                    connection.close()
                    connection = None
            if connection is not None:
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/x", asked
        thread.join(PATIENCE)


def sent(answer: bytes) -> Reply:
    with answering(answer) as (url, _):
        return exchange().send(Call("GET", url, {}))


def exchange() -> Exchange:
    return Exchange(PATIENCE, lambda: context(None, None, None, verify=None))


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil it ends", b"until it ends"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=1\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
         b"abc0123456789"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", b"x"),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok", b"ok"),
    ],
)  # fmt: skip
def test_bodies_end_where_they_are_said_to_end(answer: bytes, body: bytes) -> None:
    assert sent(answer).body == body


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "no HTTP: it begins with b'SSH"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc", "its length is '-3'"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", "ended 2 bytes too early"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "larger than"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "a part's length is b'zz'"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", "ended 2 bytes too early"),
        (b"HTTP/1.1 200 OK\r\nno header\r\n\r\n", "a header is b'no header"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 101 + b"\r\n", "more than 100 headers"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n", "a line is longer"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "a header is b'Content-Le'"),
    ],
)
def test_what_is_no_answer_is_told(answer: bytes, text: str) -> None:
    with pytest.raises(UnreadableError, match=text):
        sent(answer)


def test_a_connection_closed_without_an_answer_is_told() -> None:
    with pytest.raises(ConnectionResetError, match="closed without an answer"):
        sent(b"")


def test_a_connection_is_used_again_and_a_stale_one_replaced() -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"
    last = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n"
    with answering(whole + b"a", whole + b"b", kept=True) as (url, asked):
        speaker = exchange()
        assert [speaker.send(Call("GET", url, {})).body for _ in range(2)] == [b"a", b"b"]
    assert len(asked) == 2
    with answering(whole + b"a", last + b"b") as (url, asked):
        assert [speaker.send(Call("POST", url, {}, b"f=1")).body for _ in range(2)] == [b"a", b"b"]
    assert all(b"\r\nContent-Length: 3\r\n" in one and one.endswith(b"\r\n\r\nf=1") for one in asked)


def test_headers_and_addresses_end_no_lines() -> None:
    with answering() as (url, _), pytest.raises(ValueError, match="Invalid header value"):
        exchange().send(Call("GET", url, {"X": "a\r\nY: b"}))
    with answering() as (url, _), pytest.raises(UnreadableError, match="control character"):
        exchange().send(Call("GET", f"{url}/a b", {}))


def test_a_proxy_that_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(b"HTTP/1.1 407 Log In\r\n\r\n") as (url, asked):
        monkeypatch.setenv("https_proxy", url)
        monkeypatch.delenv("no_proxy", raising=False)
        with pytest.raises(UnreadableError, match="407 Log In"):
            exchange().send(Call("GET", "https://master.example/x", {}))
    assert asked[0].startswith(b"CONNECT master.example:443 HTTP/1.1\r\nHost: master.example:443\r\n")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a.example", ("a.example", 80)),
        ("a.example:8080", ("a.example", 8080)),
        ("a.example:", ("a.example", 80)),
        ("[::1]", ("::1", 80)),
        ("[::1]:81", ("::1", 81)),
    ],
)
def test_hosts_and_ports(text: str, place: tuple[str, int]) -> None:
    assert place_of(text, "http") == place


@pytest.mark.parametrize("text", ["", "a.example:port", "[::1", "a b", ":80"])
def test_no_host_and_port(text: str) -> None:
    with pytest.raises(UnreadableError, match="is no host and port"):
        place_of(text, "http")


@pytest.mark.parametrize(
    "beginning", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"]
)
def test_an_answer_that_trickles_for_ever_is_left(beginning: bytes) -> None:
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle() -> None:
            connection = server.accept()[0]
            with connection, contextlib.suppress(OSError):
                connection.sendall(beginning)
                while not over.wait(0.02):
                    connection.sendall(b"x")

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            patient = Exchange(0.3, lambda: context(None, None, None, verify=None))
            with pytest.raises(TimeoutError, match=r"too slowly|timed out"):
                patient.send(Call("GET", f"http://127.0.0.1:{server.getsockname()[1]}/x", {}))
        finally:
            over.set()
            thread.join(PATIENCE)


def test_each_answer_has_its_own_time_and_more_for_more_bytes() -> None:
    clock = ManualClock()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        paced = Paced(ours, 60.0, clock.monotonic)
        for _ in range(3):
            paced.begin()
            clock.advance(119)
            theirs.sendall(b"x" * 10_000)
            assert paced.readinto(bytearray(10_000)) == 10_000
            clock.advance(10)  # as long as these bytes are worth
            theirs.sendall(b"x")
            assert paced.readinto(bytearray(1)) == 1
            clock.advance(2)
            with pytest.raises(TimeoutError, match="too slowly: 10001 bytes so far"):
                paced.readinto(bytearray(1))
