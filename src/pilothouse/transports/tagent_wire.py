"""The bytes of the Tagent protocol: cipher, chunks, handshake, requests (spec sections 7.2 to 7.4). No I/O.

RC4 with a fixed key stream protects nothing from an attacker; it is what daemons in the field speak.
"""

import re
import secrets
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from pilothouse.errors import AuthenticationError, PilothouseError

PLAIN: Final = "Tagent1.1"
ENCRYPTED: Final = "Tagent1.1s"
SUCCEEDED: Final = b"auth succeed"
READY: Final = b"Status:200"
LOCAL_KEY: Final = b"#ts=9^0$1"
SEALED_PREFIX: Final = "{ENCRYPTED}"
DEFAULT_PORT: Final = 3939
LONGEST: Final = 32768
"""What a writer puts into one chunk at most; readers take up to 65535."""

_LENGTH: Final = 2
_HIGHEST: Final = 0xFFFF
_FACTORS: Final = 65532
_PARTS: Final = 4
_EXIT: Final = re.compile(r"(-?\d+)\s*\Z")


class WireError(PilothouseError):
    """The other side sent what the protocol does not know."""


class Cipher:
    """RC4 whose key stream starts anew for each text, so that it is computed once."""

    def __init__(self, key: bytes) -> None:
        self._state, self._i, self._j = _schedule(key), 0, 0
        self._stream = bytearray()

    def apply(self, content: bytes) -> bytes:
        """Encrypt or decrypt: the same act."""
        size = len(content)
        if len(self._stream) < size:
            self._extend(size)
        mixed = int.from_bytes(content, "big") ^ int.from_bytes(self._stream[:size], "big")
        return mixed.to_bytes(size, "big")

    def _extend(self, size: int) -> None:
        state, i, j = self._state, self._i, self._j
        for _ in range(size - len(self._stream)):
            i = (i + 1) & 255
            j = (j + state[i]) & 255
            state[i], state[j] = state[j], state[i]
            self._stream.append(state[(state[i] + state[j]) & 255])
        self._i, self._j = i, j


def _schedule(key: bytes) -> list[int]:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) & 255
        state[i], state[j] = state[j], state[i]
    return state


def open_credential(text: str) -> str:
    """Return a credential in the clear; ``{ENCRYPTED}`` texts are sealed under the daemon's local key (7.1).

    Raises WireError when the rest is not hexadecimal; the text never holds the credential.
    """
    if not text.startswith(SEALED_PREFIX):
        return text
    try:
        return Cipher(LOCAL_KEY).apply(bytes.fromhex(text.removeprefix(SEALED_PREFIX))).decode()
    except ValueError:
        raise WireError(f"the credential begins with {SEALED_PREFIX} but what follows cannot be opened") from None


def seal_credential(text: str) -> str:
    """Return a credential as daemons keep it in their files."""
    return SEALED_PREFIX + Cipher(LOCAL_KEY).apply(text.encode()).hex()


class Framing:
    """Makes chunks and takes them apart; ``cipher`` is None while nothing is encrypted."""

    def __init__(self, cipher: Cipher | None = None) -> None:
        self.cipher = cipher
        self.ended = False
        self._bytes = bytearray()

    @property
    def text(self) -> str:
        """What came after the end mark: an error's text, empty for success. Complete once the stream is at its end."""
        return self._opened(bytes(self._bytes)).decode("utf-8", "replace") if self.ended else ""

    def chunk(self, payload: bytes) -> bytes:
        """Return one chunk; an empty payload would be the end mark."""
        if not 0 < len(payload) <= _HIGHEST:
            raise WireError(f"a message of {len(payload)} bytes fits no chunk; allowed: 1 to {_HIGHEST}")
        return len(payload).to_bytes(_LENGTH, "big") + self._opened(payload)

    def chunks(self, content: bytes) -> bytes:
        """Return content of any size as chunks."""
        parts = range(0, len(content), LONGEST)
        return b"".join(self.chunk(content[start : start + LONGEST]) for start in parts)

    def end(self, error: str = "") -> bytes:
        """Return the end of the stream; ``error`` says what failed."""
        return bytes(_LENGTH) + self._opened(error.encode())

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes as they come and yield whole payloads."""
        self._bytes += data
        while not self.ended and len(self._bytes) >= _LENGTH:
            size = int.from_bytes(self._bytes[:_LENGTH], "big")
            if len(self._bytes) < _LENGTH + size:
                return
            payload = bytes(self._bytes[_LENGTH : _LENGTH + size])
            del self._bytes[: _LENGTH + size]
            self.ended = size == 0
            if payload:
                yield self._opened(payload)

    def _opened(self, content: bytes) -> bytes:
        return self.cipher.apply(content) if self.cipher else content


class Greeting(msgspec.Struct, frozen=True):
    """What a daemon says first: its system, its character set, a challenge and the protocol's version."""

    system: str
    charset: str
    challenge: str
    version: str

    @property
    def encrypted(self) -> bool:
        """Whether everything after this is encrypted."""
        return self.version == ENCRYPTED

    def encode(self) -> bytes:
        """Return the payload."""
        return f"{self.system}|{self.charset}|{self.challenge}|{self.version}".encode()


def decode_greeting(payload: bytes) -> Greeting:
    """Read a greeting. Raises WireError."""
    parts = payload.decode("latin-1").split("|")
    if len(parts) != _PARTS or parts[-1] not in {PLAIN, ENCRYPTED}:
        raise WireError(f"it began with {payload[:60]!r}, which is no Tagent greeting; check the port")
    return Greeting(*parts)


def challenge(cipher: Cipher, now: int) -> tuple[str, bytes]:
    """Return a new challenge and the plain text that answers it."""
    first, second = (1 + secrets.randbelow(_FACTORS) for _ in range(2))
    return cipher.apply(b"%d,%d,%d" % (first, second, now)).hex(), b"%d,%d" % (first * second, now)


def answer(cipher: Cipher, digits: str) -> bytes:
    """Return the payload that answers a challenge.

    Raises AuthenticationError when it was made with another credential.
    """
    try:
        first, second, moment = cipher.apply(bytes.fromhex(digits)).decode("ascii").split(",")
        return cipher.apply(f"{_factor(first) * _factor(second)},{_factor(moment)}".encode()).hex().encode()
    except ValueError:
        raise AuthenticationError("the daemon has another credential") from None


def opened_answer(cipher: Cipher, payload: bytes) -> bytes:
    """Return the plain text of an answer, empty when it is no answer at all."""
    try:
        return cipher.apply(bytes.fromhex(payload.decode("ascii")))
    except ValueError:
        return b""


def _factor(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)


class Request(msgspec.Struct, frozen=True):
    """What a client asks for; ``fields`` are in the clear here and hexadecimal on the wire."""

    user: str
    kind: str
    fields: tuple[str, ...]
    charset: str = "UTF-8"

    def encode(self) -> bytes:
        """Return the payload."""
        # at least four fields are wanted, even when there is nothing to say
        coded = [field.encode(self.charset, "surrogateescape").hex() for field in self.fields or ("",)]
        return "|".join((self.user, self.kind, self.charset, *coded)).encode()

    def field(self, number: int) -> str:
        """Return a field, empty when it was not sent."""
        return self.fields[number] if number < len(self.fields) else ""


def decode_request(payload: bytes) -> Request:
    """Read a request; flags that are sent as a bare digit are taken as they are. Raises WireError."""
    parts = payload.decode("latin-1").split("|")
    if len(parts) < _PARTS:
        raise WireError("a request has at least four fields: user|type|charset|...")
    user, kind, charset, *coded = parts
    try:
        fields = tuple(part if part in {"0", "1"} else _decoded(bytes.fromhex(part), charset) for part in coded)
    except (ValueError, LookupError):
        raise WireError(f"a field of the request {kind[:20]!r} is not hexadecimal text in {charset[:20]!r}") from None
    return Request(user, kind, fields, charset)


def execution(user: str, command: str, seconds: float, environment: str = "{}") -> Request:
    """Return the request that runs a command; ``environment`` is a JSON object."""
    return Request(user, "execmd", (command, "", environment, str(max(1, int(seconds)))))


def exit_code(text: str) -> int | None:
    """Return the exit code from the text at the end of an execution; None when it tells something else (D37)."""
    if not text:
        return 0
    found = _EXIT.search(text)
    return int(found[1]) if found else None


def lines(content: bytes) -> Sequence[bytes]:
    """Split output as it is sent, one chunk a line; the last part may lack its line end."""
    return content.splitlines(keepends=True) if b"\r" not in content else re.findall(rb"[^\n]*\n|[^\n]+", content)


def _decoded(content: bytes, charset: str) -> str:
    return content.decode(charset, "surrogateescape" if charset.upper() in {"UTF-8", "UTF8"} else "strict")
