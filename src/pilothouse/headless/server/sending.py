"""What goes out on a connection: one message after another, numbered, and never more than the client takes."""

import asyncio
from typing import Final

from pilothouse.headless.envelope import Envelope, encode
from pilothouse.headless.frame_streams import write_frame
from pilothouse.headless.messages import Message
from pilothouse.headless.numbering import Numbering

_BUFFERED: Final = 1 << 20  # bytes that a client may be behind


class Sender:
    """The writing half of a connection. ``drop`` is for how many seconds a client may take nothing."""

    def __init__(self, writer: asyncio.StreamWriter, drop: float) -> None:
        writer.transport.set_write_buffer_limits(high=_BUFFERED)
        self._writer = writer
        self._drop = drop
        self._numbers = Numbering()
        self._turn = asyncio.Lock()
        self._answering: int | None = None

    def heard(self, envelope: Envelope) -> None:
        """Take note of a message received; raises ProtocolError for a wrong number."""
        self._numbers.check(envelope.n, envelope.re)
        self._answering = envelope.n

    @property
    def answering(self) -> int | None:
        """The number of the message received last."""
        return self._answering

    async def answer(self, message: Message) -> None:
        """Send the answer to the message received last; raises ProtocolError when the client does not take it."""
        await self._send(message, self._answering)

    async def say(self, message: Message) -> None:
        """Send what answers nothing."""
        await self._send(message, None)

    async def _send(self, message: Message, answered: int | None) -> None:
        async with self._turn:
            payload = encode(Envelope(self._numbers.next(), message, answered))
            await write_frame(self._writer, payload, self._drop)
