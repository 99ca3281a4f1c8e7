"""The server put together: every request gets an id, a caller, a line in the log, and goes to its dialect."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from pilothouse.clock import Clock
from pilothouse.identity.authority import Authority
from pilothouse.identity.caller import Caller
from pilothouse.identity.throttle import Throttle
from pilothouse.server import site
from pilothouse.server.following import Following
from pilothouse.server.listen import is_loopback
from pilothouse.server.login import Login, LoginError, NoLogin, client_of
from pilothouse.server.meters import MeasuredStore, Meters
from pilothouse.server.observing import CALLER, App, Observed, Receive, Scope, Send
from pilothouse.server.profile import Profile
from pilothouse.settings import Settings
from pilothouse.store.contract import Store


class Parts(NamedTuple):
    """What an application is made of."""

    settings: Settings
    profile: Profile
    store: Store
    authority: Authority
    clock: Clock


Authenticate = Callable[[Mapping[str, Any]], Awaitable[Caller]]
SlapFactory = Callable[[Parts, Authenticate], App]
RestFactory = Callable[[Parts, Authenticate, Following], App]


def make_app(
    parts: Parts,
    slap: SlapFactory,
    routes: list[Any],
    rest: RestFactory | None = None,
    following: Following | None = None,
) -> App:
    """Return the ASGI application of the whole server.

    ``slap`` makes the application of the SLAP dialects, ``rest`` that of ``/api/v1``; ``routes`` are those beside them.
    """
    meters = Meters(parts.clock)
    if following is not None:
        meters.streams.set_function(lambda: len(following))
    parts = parts._replace(store=MeasuredStore(parts.store, meters))
    throttle = Throttle(parts.clock)
    login = Login(parts.store, parts.clock, throttle) if parts.profile.login else NoLogin()
    own = site.Site(parts.store, parts.authority, meters, parts.clock)
    enrolling = site.Enrolling(parts.store, parts.authority, parts.clock, throttle)
    beside = site.make_site(own, enrolling, parts.settings.request_limit, routes)

    async def authenticate(scope: Mapping[str, Any]) -> Caller:
        caller: Caller = await login.caller(scope)
        scope["state"][CALLER] = caller  # for the access log
        return caller

    return Observed(
        Doors(
            slap(parts, authenticate),
            beside,
            authenticate,
            rest(parts, authenticate, following) if rest is not None and following is not None else None,
        ),
        meters,
        parts.clock,
        parts.settings.request_timeout,
    )


class Doors:
    """Sends each request where its path belongs: to our own interface, or to the SLAP dialects, which have the rest."""

    def __init__(self, slap: App, beside: Any, authenticate: Authenticate, rest: App | None = None) -> None:
        self._slap = slap
        self._rest = rest
        self._beside = beside
        self._authenticate = authenticate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path = scope["path"]
        if self._rest is not None and path.startswith("/api/v1/"):
            await self._rest(scope, receive, send)
            return
        if not path.startswith(site.PREFIXES):
            await self._slap(scope, receive, send)
            return
        if not path.startswith(site.OPEN) and not (path == "/metrics" and _is_near(scope)):
            try:
                await self._authenticate(scope)
            except LoginError as error:
                await refuse(error, send)
                return
        await self._beside(scope, receive, send)


async def refuse(error: LoginError, send: Send) -> None:
    """Answer 401, or 429 to who tried too often."""
    text = f"{error}\n".encode()
    status, header = (429, (b"retry-after", b"%d" % (error.wait + 1))) if error.wait else (401, _CHALLENGE)
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(text)), header]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})


_CHALLENGE = (b"www-authenticate", b'Bearer realm="pilothouse"')


def _is_near(scope: Scope) -> bool:
    return is_loopback(client_of(scope))
