"""One libssh2 session driven by the event loop: calls are repeated until they need not wait any more.

libssh2 keeps the state of each call that would block and wants exactly that call again once the socket is ready.
While a packet is half sent no other call may send. This module imports ssh2; import it only for a connection.
"""

import asyncio
import contextlib
import fcntl
import select
import socket
import struct
import termios
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

from ssh2.error_codes import LIBSSH2_ERROR_EAGAIN
from ssh2.exceptions import ProtocolError, SocketDisconnectError, SocketRecvError, SocketSendError, SSH2Error
from ssh2.session import LIBSSH2_SESSION_BLOCK_OUTBOUND, Session

from pilothouse.transports.libssh2_channel import Channel

AGAIN: Final[int] = LIBSSH2_ERROR_EAGAIN
_LOST_AFTER: Final = 3
_SECOND_LOOK: Final = 0.05
# the library counts whole seconds, and sends no sooner than two of them after the last
_PING_SECONDS: Final = 2
_BETWEEN_PINGS: Final = 2.1
_FATAL: Final = (SocketDisconnectError, SocketRecvError, SocketSendError, ProtocolError)


class DrivenSession:
    """A session that never blocks. The socket is connected, does not block, and is owned from now on."""

    def __init__(self, connection: socket.socket, keepalive: float) -> None:
        self.raw: Any = Session()
        self.raw.set_blocking(False)
        self.failure = ""
        self._socket = connection
        # the loop is given the number: it would describe a socket in words at each registration
        self._descriptor = connection.fileno()
        self._loop = asyncio.get_running_loop()
        self._calls: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()
        self._channels: list[Channel] = []
        self._half: Callable[[], object] | None = None
        self._turning = self._again = self._unsure = False
        self._reading = self._writing = False
        self._heard = self._loop.time()
        self._pinged = -_BETWEEN_PINGS
        self._asked = False
        self._keepalive = keepalive
        self._timer: asyncio.TimerHandle | None = None
        self._second: asyncio.TimerHandle | None = None

    @property
    def closed(self) -> bool:
        """Whether nothing can be done any more."""
        return self.raw is None or bool(self.failure)

    @property
    def congested(self) -> bool:
        """Whether a packet is half sent."""
        return bool(self.raw.block_directions() & LIBSSH2_SESSION_BLOCK_OUTBOUND)

    def call(self, step: Callable[[], Any]) -> Awaitable[Any]:
        """Repeat a call of the library until it is through; the awaitable gives its result or raises SSH2Error."""
        future: asyncio.Future[Any] = self._loop.create_future()
        if self.closed:
            future.set_exception(ConnectionError(self.failure or "it is closed"))
            return future
        self._calls.append((step, future))
        self.turn()
        return future

    def join(self, channel: Channel) -> None:
        """Let a channel take part in the turns."""
        self._channels.append(channel)
        self.turn()

    def leave(self, channel: Channel) -> None:
        """Take a channel out."""
        if channel in self._channels:
            self._channels.remove(channel)
            self._left_over()

    def keep_alive(self) -> None:
        """Begin to ask for signs of life."""
        if self._keepalive > 0:
            self.raw.keepalive_config(True, _PING_SECONDS)
            self._timer = self._loop.call_later(self._keepalive, self._check)

    def turn(self) -> None:
        """Do whatever can be done without waiting, then watch the socket for the rest."""
        if self._turning:
            # what has come made somebody send: that is for the next turn
            self._again = True
        if self._turning or self.closed:
            return
        self._turning, self._again = True, False
        try:
            more = self._advance()
        except (SSH2Error, OSError) as error:
            self.lose(type(error).__name__)
            return
        finally:
            self._turning = False
        self._watch()
        if more or self._again:
            self._loop.call_soon(self.turn)
        elif self._unsure and self._second is None:
            self._second = self._loop.call_later(_SECOND_LOOK, self._look_again)

    def lose(self, why: str) -> None:
        """Give the connection up and tell everybody."""
        if self.closed:
            return
        self.failure = why
        self._watch_nothing()
        calls, self._calls = self._calls, deque()
        for _, future in calls:
            if not future.done():
                future.set_exception(ConnectionError(why))
        for channel in tuple(self._channels):
            channel.lost(why)

    def close(self) -> None:
        """End the session, free it, and close the socket; in this order, or libssh2 would touch a closed one."""
        if self.raw is None:
            return
        orderly = not self.failure and self._half is None
        self.lose("it was closed")
        self._channels.clear()
        self._half = None
        if orderly:
            with contextlib.suppress(SSH2Error):
                self.raw.disconnect()
        with contextlib.suppress(OSError):
            # what is freed now cannot wait for the other side, whatever is still open
            self._socket.shutdown(socket.SHUT_RDWR)
        self.raw = None
        self._socket.close()

    def _on_readable(self) -> None:
        self._heard = self._loop.time()
        self._asked = False
        if not self._wanted():
            # nobody takes it; the next one who waits will
            self._watch_reading(on=False)
            return
        self.turn()

    def _look_again(self) -> None:
        try:
            self.turn()
        finally:
            # only now: a second look asks for no third one
            self._second = None

    def _advance(self) -> bool:
        """Take one turn of everything; returns whether something was left for want of fairness."""
        self._unsure = False
        if self._half is not None:
            self._half()
            if self.congested:
                return False
            self._half = None
        if not self._go_on() or not self._channels:
            return False
        more = False
        for channel in tuple(self._channels):
            if channel.writing and not self._through(channel.write):
                return False
            if channel.reading:
                more = channel.read() or more
                if self.congested:
                    self._half = channel.read
                    return False
        # whoever reads takes everybody's packets off the socket: the calls' replies, and the other channels' data
        if not self._go_on():
            return False
        waiting = {channel.waiting() for channel in self._channels if channel.reading}
        self._unsure = None in waiting
        return more or True in waiting

    def _go_on(self) -> bool:
        """Go on with the calls; returns False when one left a packet half sent."""
        while self._calls:
            left = len(self._calls)
            if not self._through(self._call):
                return False
            if len(self._calls) == left:
                break
        return True

    def _through(self, step: Callable[[], object]) -> bool:
        """Take a step; returns False when it left a packet half sent: then it must be the next one again."""
        # only what could not go on may have left one
        self._half = step if step() == AGAIN and self.congested else None
        return self._half is None

    def _call(self) -> int:
        """Go on with the first call; returns AGAIN when it has to wait."""
        step, future = self._calls[0]
        try:
            result = step()
        except SSH2Error as error:
            self._calls.popleft()
            self._left_over()
            if not future.done():
                future.set_exception(error)
            if isinstance(error, _FATAL):
                raise
            return 0
        if result == AGAIN:
            return AGAIN
        self._calls.popleft()
        self._left_over()
        if not future.done():
            future.set_result(result)
        return 0

    def _left_over(self) -> None:
        """Take another turn: what found its own reply has not looked at what came behind it in the same bytes."""
        self._again = self._again or bool(self._channels)

    def _watch(self) -> None:
        if self.closed:
            return
        if not self._reading and self._wanted():
            self._watch_reading(on=True)
        if self._writing != (self._half is not None):
            self._writing = not self._writing
            if self._writing:
                self._loop.add_writer(self._descriptor, self.turn)
            else:
                self._loop.remove_writer(self._descriptor)

    def _wanted(self) -> bool:
        """Whether anybody waits for what comes; who sends waits for room."""
        return bool(self._calls) or any(channel.reading or channel.writing for channel in self._channels)

    def _watch_reading(self, *, on: bool) -> None:
        self._reading = on
        if on:
            self._loop.add_reader(self._descriptor, self._on_readable)
        else:
            self._loop.remove_reader(self._descriptor)

    def _watch_nothing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._second is not None:
            self._second.cancel()
            self._second = None
        if self._reading:
            self._watch_reading(on=False)
        if self._writing:
            self._writing = False
            self._loop.remove_writer(self._descriptor)

    def _check(self) -> None:
        """Ask for a sign of life when there was none for a while; after three whiles in vain it is lost."""
        if not self._reading and self._unread():
            self._heard, self._asked = self._loop.time(), False
        now = self._loop.time()
        silent = now - self._heard
        count = round(silent / self._keepalive, 3)
        if self._asked and self._reading and count >= _LOST_AFTER:
            self.lose(f"no sign of life for {silent:.3g} s")
            return
        if count >= 1 and not self._has_room():
            # what waits to be sent asks for one as well
            self._asked = True
        elif count >= 1 and now - self._pinged >= _BETWEEN_PINGS:
            try:
                self.raw.keepalive_send()
            except SSH2Error as error:
                self.lose(type(error).__name__)
                return
            self._pinged, self._asked = now, True
            self._watch()
        passed = max(0.0, count) // 1 + 1
        self._timer = self._loop.call_at(self._heard + passed * self._keepalive, self._check)

    def _has_room(self) -> bool:
        """Whether a small packet can be sent whole: what is left of one could not be sent any more."""
        room = select.poll()
        room.register(self._descriptor, select.POLLOUT)
        return self._half is None and bool(room.poll(0))

    def _unread(self) -> int:
        waiting = fcntl.ioctl(self._socket, termios.FIONREAD, b"\0\0\0\0")
        return int(struct.unpack("i", waiting)[0])
