"""One HTTP request and its answer, over connections that are kept open."""

import contextlib
import os
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

from pilothouse.slap.client import webproxy
from pilothouse.slap.client.wire import UnreadableError, Wire, authority, default_port, place_of

if TYPE_CHECKING:
    import ssl

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 10
_STALE: Final = (ConnectionResetError, BrokenPipeError)


class Call(NamedTuple):
    """One request: ``body`` is None where there is none."""

    verb: str
    url: str
    headers: dict[str, str]
    body: bytes | None = None


class Reply(NamedTuple):
    """What came back; ``url`` is where the last redirection led, ``location`` where the next one leads."""

    status: int
    reason: str
    url: str
    body: bytes
    location: str | None = None


class Exchange:
    """Requests to any address, from any thread; connections are kept open between them until this object goes.

    ``secure`` gives the TLS settings; it is asked once, at the first https address. Requests raise OSError when
    a peer cannot be reached, is silent for ``timeout`` seconds, or cannot be understood.
    """

    def __init__(self, timeout: float | None, secure: "Callable[[], ssl.SSLContext]") -> None:
        self._timeout = timeout
        self._secure = secure
        self._context: ssl.SSLContext | None = None
        self._idle: dict[str, list[Wire]] = {}
        # nobody closes what the library gives out, so connections go with the last object that uses them
        weakref.finalize(self, _close, self._idle)

    def send(self, call: Call) -> Reply:
        """Send one request; answers to GET are followed where they redirect to."""
        for _ in range(_MOST_REDIRECTS):
            reply = self._once(call)
            if call.verb != "GET" or reply.status not in _REDIRECTS or not reply.location:
                return reply
            call = call._replace(url=urljoin(call.url, reply.location))
        raise UnreadableError(f"more than {_MOST_REDIRECTS} redirections, the last one to {call.url}")

    def close(self) -> None:
        """Close the connections that are not in use; the next request opens a new one."""
        _close(self._idle)

    def _once(self, call: Call) -> Reply:
        scheme, place, *_ = urlsplit(call.url)
        if scheme not in {"http", "https"} or not place:
            raise UnreadableError("the address must begin with http:// or https:// and a host")
        # a child process must not speak on its parent's connections
        origin = f"{scheme}://{place} {os.getpid()}"
        idle = self._idle.setdefault(origin, [])
        proxy = webproxy.proxy_for(scheme, place)
        if idle:
            # Stale: the other end closed it while nobody was looking. Every call of this API may be sent twice.
            # IndexError: another thread was faster.
            with contextlib.suppress(IndexError, *_STALE):
                return _on(idle.pop(), idle, call, by_proxy=bool(proxy))
        return _on(self._opened(scheme, place.rpartition("@")[2], proxy), idle, call, by_proxy=bool(proxy))

    def _opened(self, scheme: str, text: str, proxy: str | None) -> Wire:
        place = place_of(text, scheme)
        if scheme == "https" and self._context is None:
            self._context = self._secure()
        wire = Wire(place_of(proxy, "http") if proxy else place, self._timeout)
        try:
            if scheme == "https" and self._context is not None:
                if proxy:
                    wire.tunnel(place)
                wire.secure(self._context, place.host)
        except BaseException:
            wire.close()
            raise
        return wire


def _on(wire: Wire, idle: list[Wire], call: Call, *, by_proxy: bool) -> Reply:
    try:
        answer = wire.exchange(call.verb, _target(call.url, by_proxy=by_proxy), _headers(call), call.body)
    except BaseException:
        wire.close()
        raise
    if wire.open:
        idle.append(wire)
    return Reply(answer.status, answer.reason, call.url, answer.body, answer.headers.get("location"))


def _close(idle: dict[str, list[Wire]]) -> None:
    for connections in idle.values():
        while connections:
            connections.pop().close()


def _target(url: str, *, by_proxy: bool) -> str:
    scheme, place, path, query, _ = urlsplit(url)
    target = f"{path or '/'}?{query}" if query else path or "/"
    return f"http://{place.rpartition('@')[2]}{target}" if by_proxy and scheme == "http" else target


def _headers(call: Call) -> dict[str, str]:
    scheme, netloc, *_ = urlsplit(call.url)
    user, at, text = netloc.rpartition("@")
    place = place_of(text, scheme)
    host = place.host if place.host.isascii() else place.host.encode("idna").decode()
    headers = {"Host": authority(host, None if place.port == default_port(scheme) else place.port), **call.headers}
    if at:
        import base64  # noqa: PLC0415 - few addresses name a user

        headers["Authorization"] = f"Basic {base64.b64encode(unquote(user).encode()).decode()}"
    return headers
