"""How errors leave: which status each one has in which dialect, and what its body says."""

import http
import logging
import math
from collections.abc import Sequence
from typing import Final

import msgspec

from pilothouse.errors import PilothouseError
from pilothouse.server.api.slap.exchange import JSON, TEXT, Answer
from pilothouse.server.login import LoginError
from pilothouse.server.master.errors import (
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    NotReadyError,
    UnreachableMasterError,
)
from pilothouse.slap.markup import MarkupError
from pilothouse.slap.marshal_writer import MarshalError
from pilothouse.store.errors import StoreError

log = logging.getLogger(__name__)

Statuses = Sequence[tuple[type[Exception], int]]


class HttpRefusal(PilothouseError):  # noqa: N818 - it is an answer of HTTP, whose status may be any
    """The request is refused for how it was sent, whatever it asks."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        super().__init__(text)


CLASSIC: Final[Statuses] = (
    (LoginError, 401),
    (ForbiddenError, 403),
    (NotFoundError, 404),
    (NotReadyError, 408),
    (UnreachableMasterError, 523),
    (InvalidRequestError, 400),
    (MarkupError, 400),
    (MarshalError, 400),
    (StoreError, 503),
)
"""Classic paths and hateoas (slapos-master 1.7, 2)."""

JSON_RPC: Final[Statuses] = ((NotFoundError, 403), *CLASSIC)
"""JSON-RPC never says 404: what is not found is refused (4.1)."""


class ErrorBody(msgspec.Struct, frozen=True):
    """The body of every refusal of JSON-RPC (4.1)."""

    status: int
    type: str
    title: str


def status_of(error: Exception, statuses: Statuses) -> int:
    """Return the status of an error; what nobody foresaw is 500."""
    if isinstance(error, HttpRefusal):
        return error.status
    if isinstance(error, LoginError) and error.wait:
        return http.HTTPStatus.TOO_MANY_REQUESTS
    return next((status for kind, status in statuses if isinstance(error, kind)), 500)


def classic(error: Exception) -> Answer:
    """Answer an error as plain text."""
    status, title = _explained(error, CLASSIC)
    return Answer(status, title.encode("utf-8", "replace"), TEXT, _more_headers(error))


def json_rpc(error: Exception) -> Answer:
    """Answer an error as JSON-RPC does: status, reason phrase, text."""
    status, title = _explained(error, JSON_RPC)
    return Answer(status, msgspec.json.encode(ErrorBody(status, phrase(status), title)), JSON, _more_headers(error))


def phrase(status: int) -> str:
    """Return the reason phrase of a status, ``Unknown Error`` for those that have none."""
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown Error"


def _explained(error: Exception, statuses: Statuses) -> tuple[int, str]:
    status = status_of(error, statuses)
    if status == http.HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("a request failed in a way that nobody foresaw", exc_info=error)
        return status, "Internal server error"
    if isinstance(error, StoreError):
        log.error("a request failed: %s", error)
        return status, "The database of this server cannot be used now; ask again later"
    return status, str(error)


def _more_headers(error: Exception) -> tuple[tuple[bytes, bytes], ...]:
    if isinstance(error, LoginError):
        wait = ((b"retry-after", str(math.ceil(error.wait)).encode()),) if error.wait else ()
        return ((b"www-authenticate", b"Bearer"), *wait)
    if isinstance(error, HttpRefusal) and error.status in (408, 413):
        return ((b"connection", b"close"),)  # the rest of the body would be taken for the next request
    return ()
