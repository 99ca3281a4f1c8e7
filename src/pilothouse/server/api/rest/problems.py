"""How REST refuses: one shape for every error, with the status that its kind has (RFC 9457)."""

import logging
import math
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from msgspec import Meta

from pilothouse.errors import RefusedError
from pilothouse.server.login import LoginError
from pilothouse.server.master.errors import (
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    NotReadyError,
    UnreachableMasterError,
)
from pilothouse.slap.markup import MarkupError
from pilothouse.store.errors import BrokenChainError, StoreError

log = logging.getLogger(__name__)

CONTENT_TYPE: Final = "application/problem+json"
UNFORESEEN: Final = 500
_STATUSES: Final[tuple[tuple[type[Exception], int], ...]] = (
    (ForbiddenError, 403),
    (NotFoundError, 404),
    (NotReadyError, 409),
    (InvalidRequestError, 400),
    (MarkupError, 400),
    (UnreachableMasterError, 502),
    (BrokenChainError, 409),
    (RefusedError, 409),
    (StoreError, 503),
)


class Problem(msgspec.Struct, frozen=True):
    """Why something was not done."""

    type: Annotated[
        str, Meta(description="names the kind of problem; the same for all of a kind", examples=["not-found"])
    ]
    title: Annotated[str, Meta(description="the kind in words", examples=["Not Found"])]
    status: Annotated[int, Meta(description="the status of the answer", examples=[404])]
    detail: Annotated[
        str, Meta(description="what was wrong, where, and what to do", examples=["COMP-9 is not registered."])
    ]
    path: Annotated[str, Meta(description="what was asked for", examples=["/api/v1/nodes/COMP-9"])]


def handle(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer an error."""
    status, detail = _explained(error)
    return Response(
        body(status, detail, request.url.path), status_code=status, media_type=CONTENT_TYPE, headers=headers(error)
    )


def body(status: int, detail: str, path: str) -> bytes:
    """Return a problem as it is sent."""
    title = HTTPStatus(status).phrase
    return msgspec.json.encode(Problem(title.lower().replace(" ", "-"), title, status, detail, path))


def status_of(error: Exception) -> int:
    """Return the status of an error; what nobody foresaw is 500."""
    if isinstance(error, LoginError):
        return 429 if error.wait else 401
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def headers(error: Exception) -> dict[str, str]:
    """Return what else an answer says of an error."""
    if isinstance(error, LoginError):
        wait = {"retry-after": str(math.ceil(error.wait))} if error.wait else {}
        return {"www-authenticate": 'Bearer realm="pilothouse"', **wait}
    if isinstance(error, HTTPException) and error.headers:
        return {name: value for name, value in error.headers.items() if name.lower() == "allow"}
    return {}


def _explained(error: Exception) -> tuple[int, str]:
    if isinstance(error, HTTPException):
        return error.status_code, _words(error)
    status = status_of(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("a request failed in a way that nobody foresaw", exc_info=error)
        return status, "Internal server error"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        log.error("a request failed: %s", error)
        return status, "The database of this server cannot be used now; ask again later"
    return status, str(error)


def _words(error: HTTPException) -> str:
    """Return what the framework found wrong, with each field."""
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "Internal server error"
    faults: Any = error.extra if isinstance(error.extra, list) else []
    named = [
        f"{each.get('key', '')}: {each.get('message', '')}".strip(": ") for each in faults if isinstance(each, dict)
    ]
    return "; ".join(named) or error.detail or HTTPStatus(error.status_code).phrase
