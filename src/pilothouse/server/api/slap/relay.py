"""The relay to hosts that the site allows: pages of instances for people whose browsers cannot reach them (5.2)."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Final

import httpx

from pilothouse.server.api.slap import refusals
from pilothouse.server.api.slap.exchange import Answer, Header, Request
from pilothouse.server.api.slap.refusals import HttpRefusal
from pilothouse.server.api.slap.routes import Dialect, Route

PREFIX: Final = "http_proxy/"
_TIMEOUT: Final = 5.0
_TO_UPSTREAM: Final = frozenset(
    (b"content-type", b"accept", b"accept-language", b"range", b"if-modified-since", b"if-none-match", b"user-agent",
     b"origin")
)  # fmt: skip
_BACK: Final = frozenset(
    ("date", "last-modified", "vary", "cache-control", "etag", "accept-ranges", "content-range", "www-authenticate",
     "access-control-allow-origin", "access-control-allow-methods", "access-control-allow-headers",
     "access-control-allow-credentials", "access-control-expose-headers")
)  # fmt: skip
_OWN_FAULT: Final = 500
_UPSTREAM_FAULT: Final = 520


def dialect(hosts: frozenset[str]) -> Dialect | None:
    """Return the relay's path, None when no host is allowed."""
    if not hosts:
        return None
    relay = Relay(hosts)
    return Dialect(name="relay", exact={}, below={PREFIX: {"GET": Route(relay.fetch)}}, refuse=refusals.classic)


class Relay:
    """Fetches from allowed hosts, with certificates verified; our own callers' proofs are never passed on."""

    def __init__(self, hosts: frozenset[str]) -> None:
        self._hosts = hosts

    async def fetch(self, request: Request) -> Answer:
        """Answer with what the other side says, as an attachment."""
        url = target(request.path, request.query)
        if url.netloc.decode() not in self._hosts and url.host not in self._hosts:
            raise HttpRefusal(403, f"{url.host} is not among the hosts that the relay may reach")
        headers = [(name, value) for name, value in request.headers if name in _TO_UPSTREAM]
        stack = AsyncExitStack()
        try:
            client = await stack.enter_async_context(httpx.AsyncClient(timeout=_TIMEOUT))
            response = await stack.enter_async_context(client.stream(request.method, url, headers=headers))
        except httpx.HTTPError as error:
            await stack.aclose()
            raise HttpRefusal(_status_of(error), f"the relay: {type(error).__name__}") from error
        status = _UPSTREAM_FAULT if response.status_code == _OWN_FAULT else response.status_code
        kind = response.headers.get("content-type", "application/octet-stream")
        return Answer(status, b"", kind, tuple(_back(response.headers, request, url)), _pieces(response, stack))


def target(path: str, query: bytes) -> httpx.URL:
    """Return the address in a path ``http_proxy/SCHEME/NETLOC/PATH``. Raises HttpRefusal (400)."""
    scheme, _, rest = path.removeprefix(PREFIX).partition("/")
    if scheme not in ("http", "https") or not rest:
        raise HttpRefusal(400, f"the relay takes http and https, not {scheme[:20]!r}")
    try:
        url = httpx.URL(f"{scheme}://{rest}")
        return url.copy_with(query=query or None)
    except httpx.InvalidURL as error:
        raise HttpRefusal(400, f"the relay cannot read the address: {error}") from error


def _back(headers: Mapping[str, str], request: Request, url: httpx.URL) -> list[Header]:
    kept = [(name.encode(), value.encode("latin-1")) for name, value in headers.items() if name.lower() in _BACK]
    kept.append((b"content-disposition", b"attachment"))
    if location := headers.get("location"):
        there = url.join(location)
        kept.append((b"location", f"{request.base}/{PREFIX}{there.scheme}/{str(there).split('://', 1)[-1]}".encode()))
    return kept


async def _pieces(response: httpx.Response, stack: AsyncExitStack) -> AsyncIterator[bytes]:
    async with stack:
        async for piece in response.aiter_bytes():
            yield piece


def _status_of(error: httpx.HTTPError) -> int:
    if isinstance(error, httpx.TimeoutException | httpx.RemoteProtocolError):
        return 524
    return 526 if "certificate" in str(error).lower() else 523
