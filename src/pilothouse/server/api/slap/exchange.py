"""A request as handlers see it, and an answer as the application sends it."""

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from pilothouse.identity.caller import Caller
from pilothouse.slap import marshal_writer

Header = tuple[bytes, bytes]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

TEXT = "text/plain; charset=utf-8"
XML = "text/xml; charset=utf-8"
JSON = "application/json"

FRESH: Header = (b"cache-control", b"public, max-age=1, stale-if-error=604800")
BY_CALLER: Header = (b"vary", b"REMOTE_USER, Authorization, Accept-Encoding")
A_MINUTE: Header = (b"cache-control", b"max-age=60")
NEVER: Header = (b"cache-control", b"no-store")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request whose caller is known.

    ``path`` is still percent-encoded and starts after the prefix of this application; ``base`` is the absolute URL
    that stands before it, as the client knows it, without a final slash. ``query`` and ``body`` are raw. ``receive``
    is for handlers that take a body piece by piece.
    """

    method: str
    path: str
    base: str
    caller: Caller
    query: bytes = b""
    body: bytes = b""
    headers: tuple[Header, ...] = ()
    receive: Receive | None = None

    def header(self, name: bytes) -> str | None:
        """Return the first header of this name (lower case), None without one."""
        return next((value.decode("latin-1") for key, value in self.headers if key == name), None)


class Answer(msgspec.Struct, frozen=True):
    """What is sent back; ``headers`` has what is not derived from ``body`` and ``content_type``.

    ``pieces`` is for bodies that are not held in memory; ``length`` is their size, None when nobody knows it.
    """

    status: int
    body: bytes = b""
    content_type: str = TEXT
    headers: tuple[Header, ...] = ()
    pieces: AsyncIterator[bytes] | None = None
    length: int | None = None


def text(content: str, status: int = 200) -> Answer:
    """Answer with plain text; browsers never take it for a page."""
    return Answer(status, content.encode("utf-8", "replace"))


def marshalled(value: object, *headers: Header) -> Answer:
    """Answer with one marshalled value. Raises MarshalError for what has no form there."""
    return Answer(200, marshal_writer.dumps(value), XML, headers)


def with_headers(answer: Answer, *headers: Header) -> Answer:
    """Return the answer with more headers."""
    return msgspec.structs.replace(answer, headers=(*answer.headers, *headers))
