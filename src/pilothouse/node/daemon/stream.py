"""One connection to the master's stream of changes: HTTP/1.1 over asyncio, read until it ends."""

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec

from pilothouse.node.daemon.hints import Event, Reader, StreamError
from pilothouse.slap.client import address
from pilothouse.slap.client.connection import USER_AGENT
from pilothouse.slap.client.webproxy import proxy_for
from pilothouse.slap.client.wire import authority, default_port, place_of

if TYPE_CHECKING:
    import ssl

    from pilothouse.node.configuration import Configuration

PATH: Final = "api/v1/changes"
SILENCE: Final = 60.0  # seconds; a master that is there says something every fifteen
_LINE: Final = 64 * 1024
_MOST_HEADERS: Final = 100
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-9]\d\d)\b")
_OK: Final = 200
_REFUSALS: Final = frozenset({401, 403})
_PASSING: Final = frozenset({408, 425, 429})
_BROKEN: Final = 500


class AbsentError(StreamError):
    """This master has no such stream."""


class RefusedError(StreamError):
    """The master does not let this node follow its changes."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where the stream is, and how this node shows who it is."""

    url: str
    key_file: str | None = None
    cert_file: str | None = None
    master_ca_file: str | None = None

    @classmethod
    def of(cls, config: "Configuration") -> "Source":
        """Return the stream of a node's master."""
        return cls(
            url=address.method_url(address.base_url(config.master_url), PATH),
            key_file=config.key_file,
            cert_file=config.cert_file,
            master_ca_file=config.master_ca_file,
        )


async def events(source: Source, last_id: str, silence: float = SILENCE) -> AsyncGenerator[Event, None]:
    """Yield what the master says, until it ends the stream.

    Raises AbsentError, RefusedError, StreamError for what is no stream; OSError, TimeoutError when the master cannot
    be reached, or is silent for ``silence`` seconds.
    """
    async with contextlib.aclosing(_pieces(source, last_id, silence)) as pieces:
        reader = Reader(last_id)
        async for piece in pieces:
            for event in reader.feed(piece):
                yield event


async def _pieces(source: Source, last_id: str, silence: float) -> AsyncGenerator[bytes, None]:
    async with asyncio.timeout(silence):
        reader, writer = await _opened(source)
    try:
        async with asyncio.timeout(silence):
            writer.write(_head(source.url, last_id))
            await writer.drain()
            headers = await _answered(reader)
        chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        while True:
            async with asyncio.timeout(silence):
                piece = await (_chunk(reader) if chunked else reader.read(_LINE))
            if not piece:
                return
            yield piece
    except (ValueError, asyncio.IncompleteReadError) as error:  # a line without end; an end within a chunk
        raise StreamError(f"the answer is no HTTP: {error}") from error
    finally:
        writer.transport.abort()


async def _opened(source: Source) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    scheme, netloc, *_ = urlsplit(source.url)
    if scheme not in {"http", "https"} or not netloc:
        raise AbsentError(f"{source.url}: the address must begin with http:// or https:// and a host")
    if proxy_for(scheme, netloc):
        raise AbsentError("the master is behind a web proxy; such a proxy keeps no stream open")
    place = place_of(netloc.rpartition("@")[2], scheme)
    return await asyncio.open_connection(
        place.host, place.port, ssl=_secure(source) if scheme == "https" else None, limit=_LINE
    )


def _secure(source: Source) -> "ssl.SSLContext":
    from pilothouse.slap.client import trust  # noqa: PLC0415 - for https masters only

    return trust.context(source.cert_file, source.key_file, source.master_ca_file, verify=None)


def _head(url: str, last_id: str) -> bytes:
    scheme, netloc, path, query, _ = urlsplit(url)
    place = place_of(netloc.rpartition("@")[2], scheme)
    host = authority(place.host, None if place.port == default_port(scheme) else place.port)
    lines = [
        f"GET {path}?{query} HTTP/1.1" if query else f"GET {path} HTTP/1.1",
        f"Host: {host}",
        f"User-Agent: {USER_AGENT}",
        "Accept: text/event-stream",
        "Accept-Encoding: identity",
        *([f"Last-Event-ID: {last_id}"] if last_id else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii", "replace")


async def _answered(reader: asyncio.StreamReader) -> dict[str, str]:
    line = await reader.readline()
    found = _STATUS.match(line)
    if not found:
        raise StreamError(f"the answer is no HTTP: it begins with {line[:60]!r}" if line else "no answer came")
    headers: dict[str, str] = {}
    while (line := await reader.readline()).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
        if len(headers) > _MOST_HEADERS:
            raise StreamError(f"the answer is no HTTP: it has more than {_MOST_HEADERS} headers")
    _check(int(found[1]), headers)
    return headers


def _check(status: int, headers: dict[str, str]) -> None:
    if status in _REFUSALS:
        raise RefusedError(f"the master refuses it ({status})")
    if status >= _BROKEN or status in _PASSING:
        raise StreamError(f"the master answers {status}")
    kind = headers.get("content-type", "nothing")
    if status != _OK or not kind.startswith("text/event-stream"):
        raise AbsentError(f"this master has no stream of changes ({status}, {kind[:60]})")


async def _chunk(reader: asyncio.StreamReader) -> bytes:
    """Return one part of the body, nothing at its end."""
    line = await reader.readline()
    length = int(line.partition(b";")[0].strip() or b"x", 16)
    if not 0 <= length <= _LINE * 4:
        raise ValueError(f"a part of {length} bytes")
    content = await reader.readexactly(length)
    await reader.readline()
    return content
