"""One SSH channel as the wire of an operation: raw bytes by callback, no stream objects between.

This module imports asyncssh; import it only when a connection is made.
"""

import asyncio

import asyncssh

from pilothouse.errors import ConnectionLostError
from pilothouse.transports.dialogue import Dialogue


class SshWire(asyncssh.SSHClientSession[bytes]):
    """Hands what the machine says to the dialogue: standard output, and control on standard error."""

    def __init__(self, dialogue: Dialogue, where: str) -> None:
        self._dialogue = dialogue
        self._where = where
        self._channel: asyncssh.SSHClientChannel[bytes]
        self._paused = False

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        """Take the channel."""
        self._channel = chan

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Sort the bytes."""
        if datatype is None:
            self._dialogue.output(data)
        else:
            self._dialogue.control(data)

    def eof_received(self) -> bool:
        """Keep our side open: the orders still go there."""
        self._dialogue.output_closed()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits: the channel is gone, alone or with its connection."""
        self._dialogue.output_closed()
        if exc is None:
            self._dialogue.control_closed("its shell ended before the operation did")
        else:
            self._dialogue.fail(ConnectionLostError(f"{self._where}: the connection was lost ({exc})"))

    def send(self, data: bytes) -> None:
        """Send bytes, unless the channel is gone."""
        if not self._channel.is_closing():
            self._channel.write(data)

    def pause(self) -> None:
        """Take nothing more than the channel's window holds."""
        if not self._paused:
            self._paused = True
            self._channel.pause_reading()

    def resume(self) -> None:
        """Go on, beginning with what the window holds."""
        if self._paused:
            self._paused = False
            self._channel.resume_reading()

    async def close(self) -> None:
        """Close the channel; what was sent before still arrives."""
        if not self._channel.is_closing():
            self._channel.close()
        await asyncio.sleep(0)
