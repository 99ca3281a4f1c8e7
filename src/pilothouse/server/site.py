"""What the server serves besides its dialects: health, metrics, what its authority publishes, enrolment."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import msgspec
from litestar import Litestar, MediaType, Request, Response, get, post
from sqlalchemy import Connection

from pilothouse.clock import Clock
from pilothouse.identity.authority import Authority
from pilothouse.identity.throttle import Throttle
from pilothouse.server import enrolment
from pilothouse.server.login import LoginError, client_of
from pilothouse.server.master.errors import ForbiddenError, InvalidRequestError, MasterError
from pilothouse.server.meters import CONTENT_TYPE, Meters
from pilothouse.store import credentials, health
from pilothouse.store.contract import Store
from pilothouse.store.errors import StoreError

T = TypeVar("T")
Asked = Request[Any, Any, Any]

PREFIXES: Final = ("/healthz", "/metrics", "/authority/", "/Person_", "/api/")
"""Where these paths begin, and those of the REST interface that stands beside them."""

OPEN: Final = ("/healthz", "/authority/", "/Person_")
"""What needs no login: it tells nothing that is not for everybody, or a token of one day is the login."""

_TOKEN_HEADER: Final = "x-access-token"  # noqa: S105 - the name of a header
_PEM: Final = "application/x-pem-file"
_STATUSES: Final[tuple[tuple[type[Exception], int], ...]] = (
    (LoginError, 429),
    (ForbiddenError, 403),
    (InvalidRequestError, 400),
    (MasterError, 404),
    (StoreError, 503),
)


class Health(msgspec.Struct, frozen=True):
    """Whether the server can do its work."""

    status: str
    database: str


class Site:
    """The handlers, and what they need."""

    def __init__(self, store: Store, authority: Authority, meters: Meters, clock: Clock) -> None:
        self._store = store
        self._authority = authority
        self._meters = meters
        self._clock = clock

    async def health(self) -> Response[Health]:
        """Say whether the database answers, with the tables of this release."""
        try:
            ready = await self._store.read(health.is_ready)
        except StoreError:
            return Response(Health("failing", "away"), status_code=503)
        if not ready:
            return Response(Health("failing", "of another release"), status_code=503)
        return Response(Health("ok", "ok"))

    async def metrics(self) -> Response[bytes]:
        """Give Prometheus its page."""
        return Response(await self._meters.page(self._store), media_type=CONTENT_TYPE)

    async def root(self) -> Response[bytes]:
        """Give the certificate that peers are told to trust."""
        return Response(self._authority.root_pem, media_type=_PEM)

    async def revoked(self) -> Response[bytes]:
        """Give the signed list of revoked certificates."""
        now = self._clock.time()
        found = await self._store.read(lambda connection: credentials.revoked(connection, now))
        return Response(self._authority.revocation_list(found, now), media_type=_PEM)


class Enrolling:
    """A token for a certificate, as the web side of a master does it (5.4)."""

    def __init__(self, store: Store, authority: Authority, clock: Clock, throttle: Throttle) -> None:
        self._store = store
        self._authority = authority
        self._clock = clock
        self._throttle = throttle

    async def certify_user(self, request: Asked) -> Response[Any]:
        """Exchange a token for the certificate of its user."""
        token, now = request.headers.get(_TOKEN_HEADER, ""), self._clock.time()
        issued = await self._redeemed(
            request, lambda connection: enrolment.certify_user(connection, self._authority, token, now)
        )
        return _handed({"certificate": issued.certificate, "key": issued.key.reveal()})

    async def register_node(self, request: Asked) -> Response[Any]:
        """Exchange a token for a node and its certificate."""
        title = str((await request.form()).get("title") or "")
        if not title:
            raise InvalidRequestError("title: the name of the node is missing")
        token, now = request.headers.get(_TOKEN_HEADER, ""), self._clock.time()
        reference, issued = await self._redeemed(
            request, lambda connection: enrolment.register_node(connection, self._authority, token, title, now)
        )
        return _handed({"certificate": issued.certificate, "key": issued.key.reveal(), "reference": reference})

    async def _redeemed(self, request: Asked, work: Callable[[Connection], T]) -> T:
        address = client_of(request.scope)
        if wait := self._throttle.wait(address):
            raise LoginError(f"too many refused tokens from {address}; wait {wait:.0f} seconds", wait)
        try:
            return await self._store.write(work)
        except enrolment.CertificateActiveError:
            raise
        except ForbiddenError:
            self._throttle.failed(address)
            raise


def make_site(site: Site, enrolling: Enrolling, largest_body: int, routes: list[Any]) -> Litestar:
    """Return the application; ``routes`` are those of the REST interface and the pages."""
    own = [
        get("/healthz", name="healthz")(_handler(site.health)),
        get("/metrics", include_in_schema=False)(_handler(site.metrics)),
        get("/authority/root.pem", include_in_schema=False)(_handler(site.root)),
        get("/authority/revoked.pem", include_in_schema=False)(_handler(site.revoked)),
        post("/Person_getCertificate", status_code=200, include_in_schema=False)(_with_request(enrolling.certify_user)),
        post("/Person_requestComputer", status_code=200, include_in_schema=False)(
            _with_request(enrolling.register_node)
        ),
    ]
    return Litestar(
        [*own, *routes],
        exception_handlers={kind: _refusal(status) for kind, status in _STATUSES},
        openapi_config=None,  # /api/v1 has one
        request_max_body_size=largest_body,
        logging_config=None,
    )


def _handler(method: Callable[[], Awaitable[Response[T]]]) -> Callable[[], Awaitable[Response[T]]]:
    async def handle() -> Response[T]:
        return await method()

    return handle


def _with_request(method: Callable[[Asked], Awaitable[Response[Any]]]) -> Callable[[Asked], Awaitable[Response[Any]]]:
    async def handle(request: Asked) -> Response[Any]:
        return await method(request)

    return handle


def _handed(pair: dict[str, str]) -> Response[Any]:
    return Response(pair, headers={"cache-control": "no-store"})


def _refusal(status: int) -> Any:
    def handle(_request: Asked, error: Exception) -> Response[str]:
        return _text(f"{error}\n", status)

    return handle


def _text(text: str, status: int) -> Response[str]:
    return Response(text, status_code=status, media_type=MediaType.TEXT)
