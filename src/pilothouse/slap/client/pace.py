"""What a peer sends must keep coming: a limit for silence, and one for an answer that merely trickles."""

import io
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SLOWEST: Final = 1000  # bytes a second, on the average of one answer


class Paced(io.RawIOBase):
    """Reads a socket. A peer may be silent for ``timeout`` seconds, and all of its answer may take twice that.

    More time is given for more bytes. Without this, a peer that sends a byte now and then would hold its reader for
    ever. Raises TimeoutError.
    """

    def __init__(
        self, source: socket.socket, timeout: float | None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._source = source
        self._timeout = timeout
        self.begin()

    def begin(self) -> None:
        """Begin to wait for an answer."""
        self._until = None if self._timeout is None else self._monotonic() + 2 * self._timeout
        self._received = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read what there is, at most as much as fits."""
        if self._until is not None and self._timeout is not None:
            left = self._until + self._received / SLOWEST - self._monotonic()
            if left <= 0:
                raise TimeoutError(f"the answer comes too slowly: {self._received} bytes so far")
            self._source.settimeout(min(left, self._timeout))
        count = self._source.recv_into(buffer)
        self._received += count
        return count
