"""One connection of the client over a pair of sockets: silence, deadlines, breaches."""

import io
import socket
import time
from collections.abc import Iterator

import pytest

from pilothouse.headless import limits
from pilothouse.headless.client.link import Link
from pilothouse.headless.client.report import Report
from pilothouse.headless.client.stop import LostError, ServerRefusedError, TrustError
from pilothouse.headless.frames import FrameBuffer, encode_frame
from pilothouse.headless.xml_profile import Element


@pytest.fixture
def pair() -> Iterator[tuple[Link, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        report = Report(0, io.TextIOWrapper(io.BytesIO()))
        yield Link(ours, report, tls=False, loopback=True), theirs


def frame(number: int, body: str, extra: str = "") -> bytes:
    return encode_frame(f'<phc v="1" n="{number}"{extra}>{body}</phc>'.encode())


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


def heard(wire: socket.socket) -> list[bytes]:
    buffer = FrameBuffer(65536)
    buffer.feed(wire.recv(65536))
    found = []
    while (payload := buffer.take()) is not None:
        found.append(payload)
    return found


def test_silence_is_answered_by_a_ping_and_then_by_giving_up(
    pair: tuple[Link, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    link, theirs = pair
    monkeypatch.setattr(limits, "KEEP_ALIVE", 0.05)
    monkeypatch.setattr(limits, "DROP_AFTER", 0.1)
    with pytest.raises(LostError, match="silent for"):
        link.receive(float("inf"))
    assert heard(theirs) == [b'<phc v="1" n="1"><ping id="0"/></phc>']


def test_pings_are_answered_and_pongs_are_taken(pair: tuple[Link, socket.socket]) -> None:
    link, theirs = pair
    theirs.sendall(frame(1, '<ping id="x"/>') + frame(2, '<pong id="y"/>') + frame(3, '<detached session="S"/>'))
    assert link.receive(soon()) == Element("detached", {"session": "S"})
    assert heard(theirs) == [b'<phc v="1" n="1"><pong id="x"/></phc>']


def test_what_has_arrived_by_the_deadline_is_read_and_a_flood_does_not_hold_it_up(
    pair: tuple[Link, socket.socket],
) -> None:
    link, theirs = pair
    theirs.sendall(frame(1, "<a/>"))
    assert link.receive(soon(-0.1)) == Element("a")
    assert link.receive(soon(-0.1)) is None
    theirs.sendall(frame(2, "<a/>"))
    assert link.receive(soon(-10)) is None


def test_a_bye_is_a_loss_and_a_fatal_error_a_refusal(pair: tuple[Link, socket.socket]) -> None:
    link, theirs = pair
    theirs.sendall(frame(1, '<bye reason="idle"/>') + frame(2, '<error code="900" name="INTERNAL" fatal="true"/>'))
    with pytest.raises(LostError, match="idle"):
        link.receive(soon())
    with pytest.raises(ServerRefusedError, match="server refused: INTERNAL") as caught:
        link.receive(soon())
    assert caught.value.return_code == 1


@pytest.mark.parametrize(
    "bytes_",
    [
        frame(2, "<a/>"),
        frame(1, "<a/>", ' re="1"'),
        frame(1, "<a/><b/>"),
        encode_frame(b"<!DOCTYPE a><a/>"),
        b"\0\0\0\1\1\0\0\0x",
        b"\0\1\0\0\0\0\0\0",
    ],
)
def test_breaches_of_the_protocol_are_told_apart_from_losses(bytes_: bytes, pair: tuple[Link, socket.socket]) -> None:
    link, theirs = pair
    theirs.sendall(bytes_)
    with pytest.raises(TrustError, match="broke the protocol"):
        link.receive(soon())


def test_frames_may_be_larger_after_the_login_only(pair: tuple[Link, socket.socket]) -> None:
    link, theirs = pair
    large = frame(1, f"<a>{'x' * 20_000}</a>")
    link.logged_in()
    theirs.sendall(large)
    found = link.receive(soon())
    assert found is not None
    assert len(found.text) == 20_000


def test_an_answer_of_the_wrong_kind_and_none(pair: tuple[Link, socket.socket]) -> None:
    link, theirs = pair
    theirs.sendall(frame(1, '<greet version="1"/>'))
    with pytest.raises(TrustError, match="greet, where welcome was expected"):
        link.expect(soon(), "welcome")
    with pytest.raises(LostError, match="in time"):
        link.expect(soon(0.01), "welcome")
    theirs.close()
    with pytest.raises(LostError, match="closed the connection"):
        link.expect(soon(), "welcome")
