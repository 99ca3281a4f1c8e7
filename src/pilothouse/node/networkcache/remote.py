"""The two servers of a network cache: contents by SHA-512, and the entries that lead to them (master spec 10.14).

Contents are large: they go from the socket to the disk and back in pieces. A download that breaks off goes on where
it stopped, a few times.
"""

import hashlib
import http.client
import logging
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedRandom
from typing import IO, Any, Final
from urllib.parse import quote

from pilothouse.node.errors import NodeError
from pilothouse.node.networkcache.settings import Files, Place
from pilothouse.slap import cache_entries
from pilothouse.slap.cache_entries import Entry

_log = logging.getLogger("slapos")
_SECONDS: Final = 60.0
_LARGEST_INDEX: Final = 16 * 1024 * 1024
_CHUNK: Final = 256 * 1024
_ATTEMPTS: Final = 4
_ABSENT: Final = 404
_PARTIAL: Final = 206
_UNSATISFIABLE: Final = 416


class CacheError(NodeError):
    """A network cache does not answer as it must; ``status`` is its answer, None when there was none."""

    def __init__(self, url: str, reason: str, status: int | None = None) -> None:
        self.url = url
        self.status = status
        super().__init__(f"{url}: {reason}")


class Remote:
    """One cache, at two addresses."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def entries(self, key: str) -> list[Entry]:
        """Return what is known of a key, nothing when there is none. Raises CacheError."""
        url = self._index(key)
        try:
            with _opened(url, self._place.index_files) as answer:
                content = _whole(url, answer)
        except CacheError as error:
            if error.status == _ABSENT:
                return []
            raise
        try:
            return cache_entries.read(content)
        except ValueError as error:
            raise CacheError(url, f"is no list of entries: {error}") from None

    def fetch(self, sha512: str, file: BufferedRandom, seconds: float | None) -> None:
        """Write a content to an empty file, and verify it. Raises CacheError, OSError of the file."""
        until = time.monotonic() + seconds if seconds else None
        url = f"{self._place.cache}/{sha512}"
        for attempt in range(_ATTEMPTS):
            try:
                self._fetch_rest(url, file, until)
                break
            except CacheError as error:
                if error.status is not None or attempt == _ATTEMPTS - 1 or _is_over(until):
                    raise
                _log.info("%s; going on after %d bytes", error, file.tell())
        file.seek(0)
        if hashlib.file_digest(file, "sha512").hexdigest() != sha512:
            raise CacheError(url, "its content is not the one that the entry names")

    def _fetch_rest(self, url: str, file: BufferedRandom, until: float | None) -> None:
        begin = file.seek(0, os.SEEK_END)
        with _opened(url, self._place.cache_files, headers={"Range": f"bytes={begin}-"} if begin else {}) as answer:
            if begin and answer.status != _PARTIAL:
                file.seek(0)
                file.truncate()
            file.writelines(_pieces(url, answer, until))

    def has(self, sha512: str) -> bool:
        """Whether a content is there. Raises CacheError."""
        try:
            # the protocol has no HEAD; one byte is enough
            with _opened(f"{self._place.cache}/{sha512}", self._place.cache_files, headers={"Range": "bytes=0-0"}):
                return True
        except CacheError as error:
            if error.status in {_ABSENT, _UNSATISFIABLE}:
                return error.status == _UNSATISFIABLE
            raise

    def store(self, file: BufferedRandom, sha512: str) -> None:
        """Send a content, whose file is read from its beginning. Raises CacheError."""
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        url = self._place.cache
        with _opened(url, self._place.cache_files, "POST", headers, file) as answer:
            said = answer.read(_CHUNK).decode("utf-8", "replace").strip()
        if said != sha512:
            raise CacheError(url, f"took the content for another one: {said[:128]!r}")

    def tell(self, key: str, entry: Entry) -> None:
        """Send an entry. Raises CacheError."""
        body = cache_entries.written(entry)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        with _opened(self._index(key), self._place.index_files, "PUT", headers, body):
            pass

    def _index(self, key: str) -> str:
        return f"{self._place.index}/{quote(key, safe=':=+@,')}"


def _is_over(until: float | None) -> bool:
    return until is not None and time.monotonic() > until


def _whole(url: str, answer: Any) -> bytes:
    content = b""
    for piece in _pieces(url, answer, time.monotonic() + _SECONDS):
        content += piece
        if len(content) > _LARGEST_INDEX:
            raise CacheError(url, f"the list of entries is larger than {_LARGEST_INDEX} bytes", answer.status)
    return content


def _pieces(url: str, answer: Any, until: float | None) -> Iterator[bytes]:
    """Yield what comes, as it comes: a server that trickles must not keep a pass for ever. Raises CacheError."""
    left = answer.length
    while left is None or left:
        piece = answer.read1(_CHUNK)
        if not piece:
            break
        left = left if left is None else left - len(piece)
        yield piece
        if _is_over(until):
            raise CacheError(url, "the answer takes too long")
    if left:
        raise CacheError(url, f"the connection was cut {left} bytes too early")


@contextmanager
def _opened(
    url: str,
    files: Files,
    verb: str = "GET",
    headers: Mapping[str, str] | None = None,
    data: IO[bytes] | bytes | None = None,
) -> Iterator[Any]:
    """Send a request; what goes wrong then, or while the answer is read, is a CacheError."""
    if not url.startswith(("http://", "https://")):
        raise CacheError(url, "is no address of a web server; it begins with https://")
    request = urllib.request.Request(url, data, dict(headers or {}), method=verb)  # noqa: S310 - the scheme was looked at
    try:
        with _opener(url, files).open(request, timeout=_SECONDS) as answer:
            yield answer
    except urllib.error.HTTPError as error:
        with error:
            raise CacheError(url, f"the server answers {error.code} {error.reason}", error.code) from None
    except urllib.error.URLError as error:
        raise CacheError(url, f"no answer ({error.reason})") from None
    except (ConnectionError, TimeoutError, ssl.SSLError, http.client.HTTPException) as error:
        raise CacheError(url, f"the connection broke ({error or type(error).__name__})") from None


def _opener(url: str, files: Files) -> urllib.request.OpenerDirector:
    if not url.startswith("https:"):
        return urllib.request.build_opener()
    from pilothouse.slap.client import trust  # noqa: PLC0415 - for caches behind TLS only

    context = trust.context(files.certificate, files.key, files.ca, verify=None)
    return urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
