"""Frames: an 8-byte header and a payload (spec section 8.3), without any I/O.

Frames are not sealed: off loopback TLS is required, so flag bit 0 is never set and refused like any other flag.
"""

import struct
from typing import Final

from pilothouse.headless.codes import ErrorCode, ProtocolError

PREAMBLE: Final = b"PHC1\r\n"
HEADER_SIZE: Final = 8
_HEADER: Final = struct.Struct(">IBBH")
_XML_MESSAGE: Final = 0


def encode_frame(payload: bytes) -> bytes:
    """Return the frame that carries ``payload``."""
    return _HEADER.pack(len(payload), 0, _XML_MESSAGE, 0) + payload


def payload_size(header: bytes, limit: int) -> int:
    """Return how many bytes follow the 8 bytes of ``header``; raises ProtocolError PROTO_FRAME."""
    size, flags, kind, reserved = _HEADER.unpack(header)
    if flags or kind != _XML_MESSAGE or reserved:
        raise ProtocolError(ErrorCode.PROTO_FRAME, f"a frame of type {kind} with flags {flags} and field {reserved}")
    if size > limit:
        raise ProtocolError(ErrorCode.PROTO_FRAME, f"a frame of {size} bytes, where {limit} are allowed")
    return int(size)


class FrameBuffer:
    """Bytes as they arrive, taken out as payloads. ``limit`` is the largest payload and may change between frames."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._bytes = bytearray()

    def feed(self, data: bytes) -> None:
        """Add what has arrived."""
        self._bytes += data

    def take(self) -> bytes | None:
        """Return the next payload, or None while it is not complete; raises ProtocolError PROTO_FRAME."""
        if len(self._bytes) < HEADER_SIZE:
            return None
        end = HEADER_SIZE + payload_size(bytes(self._bytes[:HEADER_SIZE]), self.limit)
        if len(self._bytes) < end:
            return None
        payload = bytes(self._bytes[HEADER_SIZE:end])
        del self._bytes[:end]
        return payload

    def take_preamble(self) -> bool:
        """Return whether the preamble has arrived, and take it out; raises ProtocolError when something else has."""
        start = bytes(self._bytes[: len(PREAMBLE)])
        if not PREAMBLE.startswith(start):
            raise ProtocolError(ErrorCode.PROTO_FRAME, f"the peer does not speak PHC/1{_guess(start)}")
        if len(start) < len(PREAMBLE):
            return False
        del self._bytes[: len(PREAMBLE)]
        return True

    @property
    def empty(self) -> bool:
        """Whether no frame has been begun."""
        return not self._bytes


def _guess(start: bytes) -> str:
    if start[:1] in {b"\x15", b"\x16"}:
        return "; it speaks TLS"
    return "; it speaks HTTP" if start.startswith((b"HTTP", b"GET", b"POST")) else ""
