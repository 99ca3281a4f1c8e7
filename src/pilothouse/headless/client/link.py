"""One connection: frames, numbers, keep-alive and time limits over a blocking socket (spec sections 8 and 9.5)."""

import socket
import time
from typing import Final

from pilothouse.headless import limits
from pilothouse.headless.client.report import Report
from pilothouse.headless.client.stop import LostError, ServerRefusedError, TrustError
from pilothouse.headless.codes import ErrorCode, ProtocolError
from pilothouse.headless.frames import PREAMBLE, FrameBuffer, encode_frame
from pilothouse.headless.numbering import Numbering, unwrap, wrap
from pilothouse.headless.xml_profile import Element, parse, write

_CHUNK: Final = 65_536
_SOONEST: Final = 0.01
# what arrived by the deadline is still read, however much more keeps coming
_GRACE: Final = 0.25


class Link:
    """A connection that has exchanged nothing yet."""

    def __init__(self, wire: socket.socket, report: Report, *, tls: bool, loopback: bool) -> None:
        self.wire = wire
        self.tls = tls
        self.loopback = loopback
        self._report = report
        self._buffer = FrameBuffer(limits.FRAME_BEFORE_LOGIN)
        self._numbers = Numbering()
        self._heard = time.monotonic()
        self._pinged = False

    def greet(self, until: float) -> None:
        """Exchange the preambles; raises TrustError when the peer speaks something else."""
        self._write(PREAMBLE)
        try:
            self._await_preamble(until)
        except ProtocolError as error:
            raise TrustError(f"{error.reason}; see the settings encrypted and the port") from error
        except LostError as error:
            # a TLS port hangs up without a word on what is no TLS
            hint = "" if self.tls else "; if it expects TLS, set encrypted to true"
            raise LostError(f"{error}{hint}") from error

    def logged_in(self) -> None:
        """Allow the larger frames that follow a login."""
        self._buffer.limit = limits.FRAME_TO_CLIENT

    def send(self, message: Element) -> int:
        """Send a message; returns its number."""
        number = self._numbers.next()
        payload = write(wrap(number, None, message))
        self._report.sent(payload)
        self._write(encode_frame(payload))
        return number

    def receive(self, until: float) -> Element | None:
        """Return the next message that is not about the connection itself, or None at ``until`` (monotonic seconds).

        Raises LostError, TrustError for a breach of the protocol, ServerRefusedError for a fatal error.
        """
        while True:
            message = self._take()
            if message is None:
                if not self._read(until):
                    return None
            elif message.name == "ping":
                self.send(Element("pong", {"id": message.attributes.get("id", "")}))
            elif message.name == "bye":
                raise LostError("the server closed the connection" + _why(message))
            elif message.name == "error" and message.attributes.get("fatal") == "true":
                raise refusal(message)
            elif message.name != "pong":
                return message

    def expect(self, until: float, *names: str) -> Element:
        """Return the next message, which is one of ``names``; raises ServerRefusedError for a refusal."""
        message = self.receive(until)
        if message is None:
            raise LostError("the server did not answer in time")
        if message.name in {"refused", "error"}:
            raise refusal(message)
        if message.name not in names:
            raise TrustError(f"the server answered with {message.name}, where {' or '.join(names)} was expected")
        return message

    def close(self) -> None:
        """Close the connection, which ends no session."""
        self.wire.close()

    def _await_preamble(self, until: float) -> None:
        while not self._buffer.take_preamble():
            if not self._read(until):
                raise LostError("the server did not answer in time")

    def _take(self) -> Element | None:
        try:
            payload = self._buffer.take()
            if payload is None:
                return None
            self._report.received(payload)
            number, answered, message = unwrap(parse(payload))
            self._numbers.check(number, answered)
        except ProtocolError as error:
            raise TrustError(f"the server broke the protocol: {error}") from error
        return message

    def _read(self, until: float) -> bool:
        """Read once; returns False when ``until`` has passed and nothing is there."""
        while True:
            now = time.monotonic()
            if now >= until + _GRACE:
                return False
            self._keep_alive(now)
            limit = limits.DROP_AFTER if self._pinged else limits.KEEP_ALIVE
            self.wire.settimeout(max(_SOONEST, min(until, self._heard + limit) - now))
            try:
                data = self.wire.recv(_CHUNK)
            except TimeoutError:
                if time.monotonic() >= until:
                    return False
                continue
            except OSError as error:
                raise LostError(f"the connection broke: {error.strerror or error}") from error
            if not data:
                raise LostError("the server closed the connection")
            self._heard = time.monotonic()
            self._pinged = False
            self._buffer.feed(data)
            return True

    def _keep_alive(self, now: float) -> None:
        silence = now - self._heard
        if silence >= limits.DROP_AFTER:
            raise LostError(f"the server has been silent for {limits.DROP_AFTER:g} s")
        if silence >= limits.KEEP_ALIVE and not self._pinged:
            self._pinged = True
            self.send(Element("ping", {"id": str(self._numbers.sent)}))

    def _write(self, data: bytes) -> None:
        self.wire.settimeout(limits.DROP_AFTER)
        try:
            self.wire.sendall(data)
        except OSError as error:
            raise LostError(f"the connection broke: {error.strerror or error}") from error


def refusal(message: Element) -> ServerRefusedError:
    """Return the stop that a ``refused`` or ``error`` message means."""
    code = message.attributes.get("code", "")
    number = int(code) if code.isascii() and code.isdigit() else int(ErrorCode.INTERNAL)
    text = message.text
    if holder := message.attributes.get("holder"):
        text = f"{text}; held by session {holder}".removeprefix("; ")
    return ServerRefusedError(number, message.attributes.get("name", "INTERNAL"), text)


def _why(message: Element) -> str:
    reason = message.attributes.get("reason")
    return f": {reason}" if reason else ""
