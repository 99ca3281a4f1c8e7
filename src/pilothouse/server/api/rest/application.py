"""The application of ``/api/v1``: who calls, which handler, and the document that describes it all."""

from collections.abc import Mapping
from typing import Any, Final

from litestar import Litestar, Request, Router
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme, Tag

from pilothouse import __version__
from pilothouse.server.api.rest import accounts, changes, instances, nodes, problems, records, targets, usage
from pilothouse.server.api.rest.desk import Desk
from pilothouse.server.app import Authenticate, Parts
from pilothouse.server.following import Following
from pilothouse.server.login import LoginError
from pilothouse.server.observing import CALLER, App, Receive, Scope, Send

PREFIX: Final = "/api/v1"
DOCUMENT: Final = f"{PREFIX}/openapi.json"
_TAGS: Final[Mapping[str, str]] = {
    "nodes": "SlapOS computers, their partitions, and the releases on them",
    "instances": "what was requested, in trees, with parameters and connection values",
    "targets": "machines as jobs reach them; the same inventory",
    "changes": "a stream of what changes",
    "usage": "reports of consumption and monthly statements",
    "users": "who may log in, with which roles and tokens",
    "projects": "what groups nodes, instances and roles",
    "certificates": "what the authority issued",
    "audit": "who changed what",
}
_DESCRIPTION: Final = """\
Everything that this server knows. Send a token as `Authorization: Bearer TOKEN`, or a client certificate.

Lists come page by page: give `next` of a page as `after` for the one behind it, until it is null. Errors are of one
shape, as `application/problem+json`. What the caller may not know of is not found.
"""


def make_rest(parts: Parts, authenticate: Authenticate, following: Following) -> App:
    """Return the ASGI application of REST; ``authenticate`` says who calls, or raises LoginError."""

    async def desk(request: Request[Any, Any, Any]) -> Desk:
        caller = request.scope["state"][CALLER]
        return Desk(parts.store, parts.authority, parts.clock, parts.profile.policy, caller)

    router = Router(
        PREFIX,
        route_handlers=[
            *nodes.HANDLERS, *instances.HANDLERS, *targets.HANDLERS, *changes.HANDLERS, *usage.HANDLERS,
            *accounts.HANDLERS, *records.HANDLERS,
        ],
        dependencies={
            "desk": Provide(desk),
            "following": Provide(lambda: following, sync_to_thread=False, use_cache=True),
            "authenticate": Provide(lambda: authenticate, sync_to_thread=False, use_cache=True),
        },
    )  # fmt: skip
    app = Litestar(
        [router],
        exception_handlers={Exception: problems.handle, HTTPException: problems.handle},
        openapi_config=_document(),
        request_max_body_size=parts.settings.request_limit,
        logging_config=None,
    )
    return Rest(app, authenticate)


class Rest:
    """Finds out who calls before anything is looked at."""

    def __init__(self, app: Litestar, authenticate: Authenticate) -> None:
        self._app = app
        self._authenticate = authenticate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            if scope["path"] != DOCUMENT:
                await self._authenticate(scope)
        except Exception as error:
            if not isinstance(error, LoginError) and problems.status_of(error) == problems.UNFORESEEN:
                raise
            await _refuse(problems.status_of(error), str(error), problems.headers(error), scope, send)
            return
        if "\0" in scope["path"] or b"%00" in scope.get("query_string", b""):
            await _refuse(400, "the address holds a NUL", {}, scope, send)
            return
        if scope["path"].startswith(f"{DOCUMENT}/"):  # the framework would answer with a page
            await _refuse(404, "there is nothing here", {}, scope, send)
            return
        await self._app(scope, receive, send)  # type: ignore[arg-type] # the same protocol, typed more narrowly there


async def _refuse(status: int, detail: str, more: Mapping[str, str], scope: Scope, send: Send) -> None:
    content = problems.body(status, detail, scope["path"])
    headers = {"content-type": problems.CONTENT_TYPE, "content-length": str(len(content)), **more}
    pairs = [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": content})


def _document() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Pilothouse",
        version=__version__,
        description=_DESCRIPTION,
        path=DOCUMENT,
        operation_id_creator=lambda handler, *_: handler.handler_name,
        render_plugins=[JsonRenderPlugin(path="/")],
        tags=[Tag(name=name, description=text) for name, text in _TAGS.items()],
        components=Components(
            security_schemes={"token": SecurityScheme(type="http", scheme="bearer", description="a token of a user")}
        ),
        security=[{"token": []}],
    )
