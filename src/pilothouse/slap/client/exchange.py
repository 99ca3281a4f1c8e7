"""One HTTP request and its answer, over connections that are kept open.

By the standard library: `httpx` alone would cost more start-up time than a whole `slapos` command may take.
"""

import base64
import contextlib
import http.client
import os
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urljoin, urlsplit

import msgspec

from pilothouse.slap.client import webproxy

if TYPE_CHECKING:
    import ssl

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 10
_LARGEST: Final = 512 * 1024 * 1024
_Idle = dict[str, list[http.client.HTTPConnection]]
_STALE: Final = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class Call(msgspec.Struct, frozen=True):
    """One request: ``body`` is None where there is none."""

    verb: str
    url: str
    headers: dict[str, str]
    body: bytes | None = None


class Reply(msgspec.Struct, frozen=True):
    """What came back; ``url`` is where the last redirection led, ``location`` where the next one leads."""

    status: int
    reason: str
    url: str
    body: bytes
    location: str | None = None


class UnreadableError(OSError):
    """An answer that is no HTTP, leads in circles, or is larger than anything a master sends."""


class Exchange:
    """Requests to any address, from any thread; connections are kept open between them until this object goes.

    ``secure`` gives the TLS settings; it is asked once, at the first https address. Requests raise OSError when
    a peer cannot be reached, is silent for ``timeout`` seconds, or cannot be understood.
    """

    def __init__(self, timeout: float | None, secure: "Callable[[], ssl.SSLContext]") -> None:
        self._timeout = timeout
        self._secure = secure
        self._context: ssl.SSLContext | None = None
        self._idle: _Idle = {}
        # nobody closes what the library gives out, so connections go with the last object that uses them
        weakref.finalize(self, _close, self._idle)

    def send(self, call: Call) -> Reply:
        """Send one request; answers to GET are followed where they redirect to."""
        for _ in range(_MOST_REDIRECTS):
            reply = self._once(call)
            if call.verb != "GET" or reply.status not in _REDIRECTS or not reply.location:
                return reply
            call = msgspec.structs.replace(call, url=urljoin(call.url, reply.location))
        raise UnreadableError(f"more than {_MOST_REDIRECTS} redirections, the last one to {call.url}")

    def close(self) -> None:
        """Close the connections that are not in use; the next request opens a new one."""
        _close(self._idle)

    def _once(self, call: Call) -> Reply:
        scheme, place, *_ = urlsplit(call.url)
        # a child process must not speak on its parent's connections
        origin = f"{scheme}://{place} {os.getpid()}"
        idle = self._idle.setdefault(origin, [])
        if idle:
            # Stale: the other end closed it while nobody was looking. Every call of this API may be sent twice.
            # IndexError: another thread was faster.
            with contextlib.suppress(IndexError, *_STALE):
                return self._on(idle.pop(), idle, call)
        return self._on(self._opened(scheme, place.rpartition("@")[2]), idle, call)

    def _on(self, connection: http.client.HTTPConnection, idle: list[http.client.HTTPConnection], call: Call) -> Reply:
        try:
            connection.request(call.verb, _target(connection, call.url), call.body, _headers(call))
            answer = connection.getresponse()
            body = answer.read(_LARGEST + 1)
        except BaseException as error:
            connection.close()
            if isinstance(error, http.client.HTTPException) and not isinstance(error, OSError):
                raise UnreadableError(f"the answer is no HTTP: {type(error).__name__} {error}") from error
            raise
        if connection.sock is not None and answer.isclosed():
            idle.append(connection)
        else:
            connection.close()
        if len(body) > _LARGEST:
            raise UnreadableError(f"the answer is larger than {_LARGEST} bytes")
        if answer.length:
            raise UnreadableError(f"the answer ended {answer.length} bytes too early")
        return Reply(answer.status, answer.reason, call.url, body, answer.getheader("Location"))

    def _opened(self, scheme: str, place: str) -> http.client.HTTPConnection:
        if scheme not in {"http", "https"} or not place:
            raise UnreadableError("the address must begin with http:// or https:// and a host")
        if scheme == "https" and self._context is None:
            self._context = self._secure()
        proxy = webproxy.proxy_for(scheme, place)
        try:
            if scheme == "http":
                return _Plain(proxy or place, timeout=self._timeout, by_proxy=bool(proxy))
            connection = http.client.HTTPSConnection(proxy or place, timeout=self._timeout, context=self._context)
        except http.client.InvalidURL as error:
            raise UnreadableError(f"{place!r} is no host and port") from error
        if proxy:
            connection.set_tunnel(place)
        return connection


def _close(idle: _Idle) -> None:
    for connections in idle.values():
        while connections:
            connections.pop().close()


class _Plain(http.client.HTTPConnection):
    def __init__(self, place: str, *, timeout: float | None, by_proxy: bool) -> None:
        super().__init__(place, timeout=timeout)
        self.by_proxy = by_proxy


def _target(connection: http.client.HTTPConnection, url: str) -> str:
    _, _, path, query, _ = urlsplit(url)
    target = f"{path or '/'}?{query}" if query else path or "/"
    if isinstance(connection, _Plain) and connection.by_proxy:
        return f"http://{urlsplit(url).netloc.rpartition('@')[2]}{target}"
    return target


def _headers(call: Call) -> Mapping[str, str]:
    user, at, _ = urlsplit(call.url).netloc.rpartition("@")
    if not at:
        return call.headers
    word = base64.b64encode(unquote(user).encode()).decode()
    return {**call.headers, "Authorization": f"Basic {word}"}
