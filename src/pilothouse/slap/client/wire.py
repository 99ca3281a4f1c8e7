"""One connection that speaks HTTP/1.1, as far as a master's answers need it.

Not by `http.client`: importing that takes longer than everything else that a whole `slapos` command loads for its
call, because it reads headers with the library for mail, and loads TLS for plain addresses too.
"""

import io
import re
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from pilothouse.slap.client.pace import Paced

if TYPE_CHECKING:
    import ssl

LARGEST: Final = 512 * 1024 * 1024
_LONGEST_LINE: Final = 65536
_MOST_HEADERS: Final = 100
_CONTINUE: Final = range(100, 200)
_BODILESS: Final = frozenset({204, 304})
_PORTS: Final = {"http": 80, "https": 443}
_STATUS: Final = re.compile(rb"HTTP/1\.([01]) ([1-9]\d\d)(?: (.*))?\r?\n?", re.DOTALL)
_CONTROL: Final = re.compile("[\x00-\x20\x7f]")
_LINE_END: Final = re.compile("[\r\n\x00]")
_OK: Final = 200


class UnreadableError(OSError):
    """An answer that is no HTTP, leads in circles, or is larger than anything a master sends."""


class Answer(NamedTuple):
    """What came back; names of headers are in lower case, the first of each name counts."""

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes


class Place(NamedTuple):
    """A host, without brackets, and its port."""

    host: str
    port: int


def place_of(text: str, scheme: str) -> Place:
    """Return ``HOST``, ``HOST:PORT`` or ``[HOST]:PORT`` in parts. Raises UnreadableError."""
    found = re.fullmatch(r"(?:\[([^\[\]]+)\]|([^:\[\]]+)|([^\[\]]*:[^\[\]]*:[^\[\]]*))(?::(\d{0,5}))?", text)
    if not found or _CONTROL.search(text):
        raise UnreadableError(f"{text!r} is no host and port")
    return Place(found[1] or found[2] or found[3], int(found[4] or _PORTS[scheme]))


class Wire:
    """A connection; it is opened by its maker. ``open`` tells whether another request may be sent on it."""

    def __init__(self, place: Place, timeout: float | None) -> None:
        # as bytes, an ASCII name is not encoded by a module that takes a millisecond to load
        host = place.host.encode("ascii") if place.host.isascii() else place.host
        self._socket = socket.create_connection((host, place.port), timeout)  # type: ignore[arg-type]
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._timeout = timeout
        self._read_from(self._socket)
        self.open = True

    def _read_from(self, source: socket.socket) -> None:
        self._socket, self._paced = source, Paced(source, self._timeout)
        self._stream = io.BufferedReader(self._paced)

    def close(self) -> None:
        """End the connection."""
        self.open = False
        self._stream.close()
        self._socket.close()

    def secure(self, context: "ssl.SSLContext", host: str) -> None:
        """Begin TLS with ``host``."""
        self._socket.settimeout(self._timeout)
        self._read_from(context.wrap_socket(self._socket, server_hostname=host))

    def tunnel(self, place: Place) -> None:
        """Have a proxy connect us with ``place``. Raises UnreadableError when it refuses."""
        where = authority(place.host, place.port)
        self._socket.sendall(f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n\r\n".encode("latin-1"))
        _, status, reason = self._status()
        self._headers()
        if status != _OK:
            raise UnreadableError(f"the proxy refuses the connection: {status} {reason}")

    def exchange(self, verb: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """Send one request and return its answer, which is read whole. Raises OSError, UnreadableError."""
        self._socket.settimeout(self._timeout)
        self._socket.sendall(_head(verb, target, headers, body) + (body or b""))
        self._paced.begin()
        newer, status, reason = self._status()
        got = self._headers()
        while status in _CONTINUE:
            newer, status, reason = self._status()
            got = self._headers()
        content = b"" if status in _BODILESS or verb == "HEAD" else self._body(got)
        word = got.get("connection", "").lower()
        if "close" in word or not (newer or "keep-alive" in word):
            self.close()
        return Answer(status, reason, got, content)

    def _line(self) -> bytes:
        line = self._stream.readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE:
            raise UnreadableError(f"the answer is no HTTP: a line is longer than {_LONGEST_LINE} bytes")
        return line

    def _status(self) -> tuple[bool, int, str]:
        line = self._line()
        if not line:
            raise ConnectionResetError("the connection was closed without an answer")
        found = _STATUS.fullmatch(line)
        if not found:
            raise UnreadableError(f"the answer is no HTTP: it begins with {line[:60]!r}")
        return found[1] == b"1", int(found[2]), (found[3] or b"").strip().decode("latin-1")

    def _headers(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for _ in range(_MOST_HEADERS + 1):
            line = self._line()
            if line in (b"\r\n", b"\n"):
                return found
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon or not line.endswith(b"\n"):
                raise UnreadableError(f"the answer is no HTTP: a header is {line[:60]!r}")
            found.setdefault(name.strip().lower(), value.strip())
        raise UnreadableError(f"the answer is no HTTP: it has more than {_MOST_HEADERS} headers")

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunks()
        length = headers.get("content-length")
        if length is None:
            self.open = False
            content = self._stream.read(LARGEST + 1)
            self.close()
            return _bounded(content)
        if not (length.isascii() and length.isdigit()):
            raise UnreadableError(f"the answer is no HTTP: its length is {length[:40]!r}")
        return self._exactly(_allowed(int(length)))

    def _exactly(self, length: int) -> bytes:
        content = self._stream.read(length)
        if len(content) < length:
            raise UnreadableError(f"the answer ended {length - len(content)} bytes too early")
        return content

    def _chunks(self) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            line = self._line().partition(b";")[0].strip()
            try:
                length = int(line, 16)
            except ValueError:
                raise UnreadableError(f"the answer is no HTTP: a part's length is {line[:40]!r}") from None
            if length <= 0:
                break
            size = _allowed(size + length)
            chunks.append(self._exactly(length))
            self._line()
        self._headers()
        return b"".join(chunks)


def authority(host: str, port: int | None) -> str:
    """Return a host with its port, None for the scheme's own, as headers have it."""
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


def default_port(scheme: str) -> int:
    """Return the port that an address of this scheme means when it names none."""
    return _PORTS[scheme]


def _head(verb: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    if _CONTROL.search(target):
        raise UnreadableError(f"{target!r} is no address: it has a space or a control character")
    lines = [f"{verb} {target} HTTP/1.1", "Accept-Encoding: identity"]
    if body is not None or verb in {"POST", "PUT"}:
        lines.append(f"Content-Length: {len(body or b'')}")
    for name, value in headers.items():
        if _LINE_END.search(name) or _LINE_END.search(value):
            raise ValueError(f"Invalid header value {value!r}")
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _allowed(size: int) -> int:
    if size > LARGEST:
        raise UnreadableError(f"the answer is larger than {LARGEST} bytes")
    return size


def _bounded(content: bytes) -> bytes:
    _allowed(len(content))
    return content
