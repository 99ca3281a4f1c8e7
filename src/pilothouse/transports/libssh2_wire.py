"""One libssh2 channel as the wire of an operation.

This module imports ssh2; import it only when a connection is made.
"""

from typing import Any, Final

from ssh2.exceptions import SSH2Error

from pilothouse.errors import ConnectionLostError
from pilothouse.transports.dialogue import Dialogue
from pilothouse.transports.libssh2_session import AGAIN, DrivenSession

_CHUNK: Final = 32768
# chunks of one stream in one turn: a flood must not keep the other nodes waiting
_PORTION: Final = 16
_PACKET: Final = 32000


class Libssh2Wire:
    """Hands what the machine says to the dialogue: standard output, and control on standard error."""

    def __init__(self, session: DrivenSession, channel: Any, dialogue: Dialogue, where: str) -> None:
        self._session = session
        self._channel = channel
        self._dialogue = dialogue
        self._where = where
        self._unsent = bytearray()
        self._paused = False
        self._closing = False
        self._ended = False

    @property
    def reading(self) -> bool:
        """Whether anything that comes is wanted now."""
        return self._channel is not None and (self._closing or not (self._paused or self._ended))

    @property
    def writing(self) -> bool:
        """Whether there is anything to send, the end included."""
        return bool(self._unsent) or self._closing

    def send(self, data: bytes) -> None:
        """Send bytes, unless the channel is gone."""
        if self._channel is not None and not self._closing:
            self._unsent += data
            self._session.turn()

    def pause(self) -> None:
        """Take nothing more than the channel's window holds."""
        self._paused = True

    def resume(self) -> None:
        """Go on, beginning with what the window holds."""
        if self._paused:
            self._paused = False
            self._session.turn()

    async def close(self) -> None:
        """Close the channel; what was sent before still arrives."""
        if self._channel is not None and not self._closing:
            self._closing = True
            self._session.turn()

    def write(self) -> int:
        """Send what the other side has room for, then the end if it is due; returns AGAIN when something is left."""
        while self._unsent and self._channel is not None:
            # the library gives up what it cannot send now; it wants the same bytes again
            code, count = self._channel.write(bytes(self._unsent[:_PACKET]))
            del self._unsent[:count]
            if code == AGAIN or count == 0:
                return AGAIN
        if self._closing and self._channel is not None:
            if self._channel.close() == AGAIN:
                return AGAIN
            self._forget()
        return 0

    def read(self) -> bool:
        """Take some of what has come."""
        if self._channel is None or ((self._paused or self._ended) and not self._session.congested):
            return False
        more = self._take(self._channel.read, self._dialogue.output)
        more = self._take(self._channel.read_stderr, self._dialogue.control) or more
        # a read that left a packet half sent must be repeated, whatever has come
        if not more and self._channel is not None and not self._session.congested and self._channel.eof():
            self._ended = True
            self._dialogue.output_closed()
            self._dialogue.control_closed("its shell ended before the operation did")
        return more

    def waiting(self) -> bool | None:
        """Whether data or the end lies in the library already; None when it cannot say."""
        channel = self._channel
        if channel is None or self._paused or self._ended:
            return False
        try:
            # of either stream
            return bool(channel.poll_channel_read(1) or channel.eof())
        except SSH2Error:
            # once a reply to a sign of life lies in the library, which never takes it
            return None

    def lost(self, why: str) -> None:
        """Tell who waits: the connection is gone."""
        self._forget()
        self._dialogue.output_closed()
        self._dialogue.fail(ConnectionLostError(f"{self._where}: the connection was lost ({why})"))

    def _take(self, read: Any, give: Any) -> bool:
        for _ in range(_PORTION):
            size, data = read(_CHUNK)
            if size <= 0:
                if size not in (0, AGAIN):
                    raise SSH2Error(size)
                return False
            give(data)
            if self._paused:
                return False
        return True

    def _forget(self) -> None:
        self._channel = None
        self._unsent.clear()
        self._session.leave(self)
