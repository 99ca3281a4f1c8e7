"""Signed calls to the control server over HTTP: bounded in time, tried again while it makes sense."""

import asyncio
import contextlib
import json
import os
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec

from pilothouse.clock import Clock, SystemClock
from pilothouse.controlserver import replies
from pilothouse.controlserver.address import Server
from pilothouse.controlserver.backoff import Backoff
from pilothouse.controlserver.calls import name_of
from pilothouse.controlserver.replies import ServerUnavailableError, ServerUnreachableError
from pilothouse.errors import SettingsError
from pilothouse.identity import signing

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[object]]
_JSON: Final = "application/json; charset=utf-8"
_OK: Final = 200
_WHOLE: Final = 4
"""How many read timeouts a whole answer may take."""


class Answer(msgspec.Struct, frozen=True):
    """What came back: header names are in lower case; ``body`` is empty when it went to a file."""

    status: int
    headers: dict[str, str]
    body: bytes = b""

    @property
    def unchanged(self) -> bool:
        """Whether the server says that what we have is still right."""
        return replies.unchanged(self.status)


class Client:
    """Speaks to one control server; ``clock``, ``sleep`` and ``chance`` are there for tests."""

    def __init__(
        self,
        server: Server,
        *,
        tenant: str = "",
        clock: Clock | None = None,
        sleep: Sleep = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.server = server
        self.tenant = tenant or server.tenant
        self.clock = clock or SystemClock()
        self.sleep = sleep
        self.chance = chance
        self._http: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def post(self, path: str, body: str) -> bytes:
        """Send a JSON text once; returns the body of the answer. Raises ServerUnavailableError, ServerRefusedError."""
        answer = await self._send("POST", path, body.encode())
        replies.check(name_of(path), answer.status, answer.body)
        return answer.body

    async def ask(self, path: str, body: Mapping[str, Any]) -> Any:
        """Call and return what the answer carries, trying again for the server's ``patience``. Raises as `post`."""
        text = json.dumps(body, ensure_ascii=False)

        async def once() -> Any:
            return replies.returned(name_of(path), await self.post(path, text))

        return await self.patiently(once)

    async def get(self, path: str, query: Mapping[str, str], target: Path | None = None) -> Answer:
        """Fetch, into the file ``target`` if given, trying again for the server's ``patience``.

        An answer that means "unchanged" leaves ``target`` alone. Raises as `post` does, and OSError.
        """
        address = f"{path}?{urlencode(query)}"

        async def once() -> Answer:
            answer = await self._send("GET", address, b"", target)
            if not answer.unchanged:
                replies.check(name_of(path), answer.status, answer.body)
            return answer

        return await self.patiently(once)

    async def patiently(self, once: Callable[[], Awaitable[T]], backoff: Backoff | None = None) -> T:
        """Try again and again while the server is unavailable, for its ``patience``; raises the last error then."""
        waits = backoff or Backoff(longest=10)
        deadline = self.clock.monotonic() + self.server.patience
        attempt = 0
        while True:
            try:
                return await once()
            except ServerUnavailableError:
                attempt += 1
                delay = waits.delay(attempt, self.chance())
                if self.clock.monotonic() + delay >= deadline:
                    raise
                await self.sleep(delay)

    async def _send(self, method: str, address: str, body: bytes, target: Path | None = None) -> Answer:
        import httpx  # noqa: PLC0415 - start-up time

        call = name_of(address.partition("?")[0])
        try:
            http = self._opened()
            request = http.build_request(method, self.server.url + address, content=body or None)
        except (httpx.InvalidURL, ValueError, ImportError) as error:
            # also what the proxy variables of the environment name
            raise SettingsError(f"server.baseurl {self.server.url} cannot be used: {error}") from None
        # what is signed is what goes over the wire, after the library has had its say about quoting
        sent = request.url.raw_path.decode("ascii")
        signed = signing.headers(self.tenant, self.server.user, self.server.password, sent, body)
        try:
            for name, value in signed.items():
                request.headers[name] = value
        except UnicodeEncodeError:
            raise SettingsError(
                f"tenant {self.tenant!r} or user {self.server.user!r} cannot be sent: not ASCII"
            ) from None
        if body:
            request.headers["Content-Type"] = _JSON
        # a trickle of bytes must not hold up a run; a download may take as long as it flows
        whole = None if target is not None else self.server.read_timeout * _WHOLE
        try:
            async with asyncio.timeout(whole), _closing(await http.send(request, stream=True)) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                if target is None or response.status_code != _OK:
                    return Answer(response.status_code, headers, await response.aread())
                await _save(response, target)
                return Answer(response.status_code, headers)
        except TimeoutError:
            raise ServerUnreachableError(call, f"{self.server.url} took longer than {whole:g} s to answer") from None
        except httpx.HTTPError as error:
            raise ServerUnreachableError(call, _reason(error, self.server)) from None

    def _opened(self) -> "httpx.AsyncClient":
        if self._http is None:
            import httpx  # noqa: PLC0415 - start-up time

            limits = self.server
            self._http = httpx.AsyncClient(
                verify=_trust(limits),
                timeout=httpx.Timeout(limits.read_timeout, connect=limits.connect_timeout),
                headers={"Accept-Encoding": "identity", "User-Agent": "pilothouse"},
            )
        return self._http


@contextlib.asynccontextmanager
async def _closing(response: "httpx.Response") -> AsyncIterator["httpx.Response"]:
    try:
        yield response
    finally:
        await response.aclose()


async def _save(response: "httpx.Response", target: Path) -> None:
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as stream:
        async for chunk in response.aiter_bytes():
            await asyncio.to_thread(stream.write, chunk)


def _trust(server: Server) -> ssl.SSLContext:
    if not server.url.startswith("https:"):
        # loading the system's certificates takes time; this context trusts nobody, and nobody asks it
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        return ssl.create_default_context(cafile=str(server.ca) if server.ca else None)
    except OSError as error:
        raise SettingsError(f"server.cafile {server.ca}: {error}") from None


def _reason(error: "httpx.HTTPError", server: Server) -> str:
    import httpx  # noqa: PLC0415 - loaded already

    if isinstance(error, httpx.ConnectTimeout):
        return f"{server.url} could not be connected within {server.connect_timeout:g} s"
    if isinstance(error, httpx.TimeoutException):
        return f"{server.url} was silent for {server.read_timeout:g} s"
    hint = "; name its authority with server.cafile" if "CERTIFICATE_VERIFY_FAILED" in str(error) else ""
    return f"{server.url}: {str(error) or type(error).__name__}{hint}"
