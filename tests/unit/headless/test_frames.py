import asyncio
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.headless.codes import ErrorCode, ProtocolError
from pilothouse.headless.frame_streams import read_frame
from pilothouse.headless.frames import PREAMBLE, FrameBuffer, encode_frame

HELLO = b'<phc v="1" n="1"><hello versions="1" client="planta_headless.py" product="39 Mars"/></phc>'


def test_the_frame_of_the_specification() -> None:
    assert encode_frame(HELLO) == bytes.fromhex("0000005a00000000") + HELLO


@settings(deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=5), st.integers(1, 50))
def test_frames_come_out_as_they_went_in_however_they_are_cut(payloads: list[bytes], step: int) -> None:
    stream = PREAMBLE + b"".join(encode_frame(payload) for payload in payloads)
    buffer = FrameBuffer(200)
    begun = False
    out: list[bytes] = []
    for start in range(0, len(stream), step):
        buffer.feed(stream[start : start + step])
        begun = begun or buffer.take_preamble()
        while begun and (payload := buffer.take()) is not None:
            out.append(payload)
    assert out == payloads
    assert buffer.empty


@settings(deadline=None)
@given(st.binary(max_size=64))
def test_any_bytes_give_payloads_or_a_protocol_error(data: bytes) -> None:
    buffer = FrameBuffer(16)
    buffer.feed(data)
    with contextlib.suppress(ProtocolError):
        while (payload := buffer.take()) is not None:
            assert len(payload) <= 16


@pytest.mark.parametrize(
    "header",
    [
        "ffffffff00000000",
        "0000001100000000",
        "0000000100090000",
        "0000000102000000",
        "0000000101000000",
        "0000000100000001",
    ],
)
async def test_check_56_a_header_out_of_order_is_refused_before_its_payload(header: str) -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(bytes.fromhex(header))
    with pytest.raises(ProtocolError) as caught:
        await read_frame(reader, 16, 5)
    assert caught.value.code is ErrorCode.PROTO_FRAME


async def test_check_56_a_frame_that_ends_early_or_never_comes() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(bytes.fromhex("0000000500000000") + b"<a")
    with pytest.raises(ProtocolError) as caught:
        await read_frame(reader, 16, 0.01)
    assert caught.value.code is ErrorCode.STEP_TIMEOUT
    reader = asyncio.StreamReader()
    reader.feed_data(bytes.fromhex("00000005"))
    reader.feed_eof()
    with pytest.raises(ProtocolError) as caught:
        await read_frame(reader, 16, 5)
    assert caught.value.code is ErrorCode.PROTO_FRAME


async def test_an_end_between_frames_is_no_fault() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(encode_frame(HELLO))
    reader.feed_eof()
    assert await read_frame(reader, 1000, 5) == HELLO
    assert await read_frame(reader, 1000, 5) is None


@pytest.mark.parametrize(("first", "guess"), [(b"\x16\x03\x01", "TLS"), (b"HTTP/1", "HTTP"), (b"SSH-2.", "PHC/1")])
def test_a_peer_of_another_kind_is_named(first: bytes, guess: str) -> None:
    buffer = FrameBuffer(16)
    buffer.feed(first)
    with pytest.raises(ProtocolError, match=guess):
        buffer.take_preamble()
