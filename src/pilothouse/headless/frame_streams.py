"""Frames over asyncio streams, each step with its time limit (spec sections 8.2, 8.3 and 10.1)."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from pilothouse.headless.codes import ErrorCode, ProtocolError
from pilothouse.headless.frames import HEADER_SIZE, PREAMBLE, encode_frame, payload_size

_Step = TypeVar("_Step")


async def read_preamble(reader: asyncio.StreamReader, seconds: float) -> bytes:
    """Return the first six bytes of the peer, whatever they are; raises STEP_TIMEOUT or PROTO_FRAME."""
    return await _within(seconds, _exactly(reader, len(PREAMBLE)))


async def read_frame(reader: asyncio.StreamReader, limit: int, seconds: float | None) -> bytes | None:
    """Return the next payload, or None when the peer has closed between two frames.

    ``limit`` bounds the payload in bytes, ``seconds`` the whole frame, so that a peer sending a byte now and
    then gains nothing. Raises ProtocolError PROTO_FRAME or STEP_TIMEOUT.
    """
    return await _within(seconds, _frame(reader, limit))


async def write_frame(writer: asyncio.StreamWriter, payload: bytes, seconds: float) -> None:
    """Send ``payload``; raises ProtocolError STEP_TIMEOUT when the peer does not take it in ``seconds``."""
    writer.write(encode_frame(payload))
    await _within(seconds, writer.drain())


async def _frame(reader: asyncio.StreamReader, limit: int) -> bytes | None:
    first = await reader.read(1)
    if not first:
        return None
    header = first + await _exactly(reader, HEADER_SIZE - 1)
    return await _exactly(reader, payload_size(header, limit))


async def _exactly(reader: asyncio.StreamReader, count: int) -> bytes:
    try:
        return await reader.readexactly(count)
    except asyncio.IncompleteReadError as error:
        reason = f"the connection ended after {len(error.partial)} of {count} bytes"
        raise ProtocolError(ErrorCode.PROTO_FRAME, reason) from error


async def _within(seconds: float | None, step: Awaitable[_Step]) -> _Step:
    try:
        async with asyncio.timeout(seconds):
            return await step
    except TimeoutError as error:
        raise ProtocolError(ErrorCode.STEP_TIMEOUT, f"nothing complete came within {seconds:g} s") from error
