"""What handlers work with: the store, the time, who calls; and how handlers are described."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from litestar import delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from sqlalchemy import Connection

from pilothouse.clock import Clock
from pilothouse.identity.authority import Authority
from pilothouse.identity.caller import Caller
from pilothouse.server.api.rest.problems import CONTENT_TYPE, Problem
from pilothouse.services.policy import Policy
from pilothouse.store.contract import Store

T = TypeVar("T")
Handler = Callable[..., Any]
Decorator = Callable[[Handler], HTTPRouteHandler]

_REFUSALS: Final[Mapping[int, str]] = {
    400: "The request cannot be meant",
    401: "Nothing that counts says who calls",
    403: "The caller may not do this",
    404: "There is no such thing, or the caller may not know of it",
    409: "It cannot be done now",
    429: "Too many failed logins; Retry-After says how long to wait",
    503: "The database cannot be used now",
}
_LARGE: Final = {413: "The body is larger than this server takes"}


class Desk:
    """What every handler needs, for one request."""

    def __init__(self, store: Store, authority: Authority, clock: Clock, policy: Policy, caller: Caller) -> None:
        self._store = store
        self.authority = authority
        self.policy = policy
        self.caller = caller
        self.now = clock.time()

    async def read(self, work: Callable[[Connection, Caller], T]) -> T:
        """Return what ``work`` reads."""
        return await self._store.read(lambda connection: work(connection, self.caller))

    async def write(self, work: Callable[[Connection, Caller, float], T]) -> T:
        """Return what ``work`` returned, once its changes are durable."""
        return await self._store.write(lambda connection: work(connection, self.caller, self.now))


AtDesk = NamedDependency[Desk]


def refusals(*, changing: bool) -> dict[int, ResponseSpec]:
    """Return how an operation may refuse, for the document."""
    found = {**_REFUSALS, **(_LARGE if changing else {})}
    return {
        status: ResponseSpec(Problem, generate_examples=False, description=text, media_type=CONTENT_TYPE)
        for status, text in found.items()
    }


def reading(path: str, summary: str, description: str = "", **options: Any) -> Decorator:
    """Describe a handler of GET."""
    responses = {**refusals(changing=False), **options.pop("responses", {})}
    return get(path, summary=summary, description=description or summary, responses=responses, **options)


def creating(path: str, summary: str, description: str = "", **options: Any) -> Decorator:
    """Describe a handler of POST."""
    return post(path, summary=summary, description=description or summary, responses=refusals(changing=True), **options)


def putting(path: str, summary: str, description: str = "", **options: Any) -> Decorator:
    """Describe a handler of PUT."""
    return put(path, summary=summary, description=description or summary, responses=refusals(changing=True), **options)


def changing(path: str, summary: str, description: str = "", **options: Any) -> Decorator:
    """Describe a handler of PATCH."""
    return patch(
        path, summary=summary, description=description or summary, responses=refusals(changing=True), **options
    )


def removing(path: str, summary: str, description: str = "", **options: Any) -> Decorator:
    """Describe a handler of DELETE."""
    return delete(
        path, summary=summary, description=description or summary, responses=refusals(changing=False), **options
    )
