"""The ASGI application of all dialects: finds the handler, the caller and the body, and sends the answer.

It is plain ASGI beside the product's own REST, because a request here costs a third less of processor time than
through a framework, and because every dialect has answers of its own for what is wrong with a request.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, Final

from pilothouse.identity.caller import Caller
from pilothouse.server.api.slap import bodies
from pilothouse.server.api.slap.exchange import Answer, Header, Request, text
from pilothouse.server.api.slap.options import Options
from pilothouse.server.api.slap.routes import Dialect, Route, Verbs, allowed

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Authenticate = Callable[[Mapping[str, Any]], Awaitable[Caller]]

_WITH_BODY: Final = frozenset({"POST", "PUT"})

NOBODY: Final = Caller(kind="user", name="", how="none")
"""Who calls where nobody need say who they are."""


class SlapApplication:
    """Every path of the dialects; what is none of theirs goes to ``otherwise``."""

    def __init__(
        self,
        dialects: Sequence[Dialect],
        authenticate: Authenticate,
        options: Options,
        otherwise: Asgi | None = None,
    ) -> None:
        self._dialects = dialects
        self._authenticate = authenticate
        self._options = options
        self._otherwise = otherwise

    def serves(self, path: str) -> bool:
        """Whether a path (without leading slash) is one of the dialects'."""
        return self._found(path) is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            if self._otherwise is not None:
                await self._otherwise(scope, receive, send)
            return
        path = path_of(scope)
        found = self._found(path)
        if found is not None:
            answer = await self._answer(found, path, scope, receive)
        elif self._otherwise is not None:
            await self._otherwise(scope, receive, send)
            return
        else:
            answer = text("There is nothing here.", 404)
        if answer is not None:
            await _send(answer, send, whole=scope["method"] != "HEAD")

    def _found(self, path: str) -> tuple[Dialect, Verbs] | None:
        for dialect in self._dialects:
            if (verbs := dialect.find(path)) is not None:
                return dialect, verbs
        return None

    async def _answer(self, found: tuple[Dialect, Verbs], path: str, scope: Scope, receive: Receive) -> Answer | None:
        dialect, verbs = found
        method: str = scope["method"]
        route = verbs.get("GET" if method == "HEAD" else method)
        if route is None:
            return _no_such_verb(method, verbs)
        try:
            return await route.handle(await self._request(route, path, scope, receive))
        except bodies.ClientLeftError:
            return None
        except Exception as error:  # noqa: BLE001 - the dialect has an answer for whatever went wrong
            return dialect.refuse(error)

    async def _request(self, route: Route, path: str, scope: Scope, receive: Receive) -> Request:
        options = self._options
        headers: tuple[Header, ...] = tuple(scope["headers"])
        caller = NOBODY if route.open else await self._authenticate(scope)
        body = b""
        if route.takes_body and scope["method"] in _WITH_BODY:
            bodies.announced(headers, options.largest_body)
            body = await bodies.whole(receive, options.largest_body, options.body_timeout)
        return Request(
            method=scope["method"],
            path=path,
            base=options.external_url or base_of(scope, headers),
            caller=caller,
            query=scope.get("query_string", b""),
            body=body,
            headers=headers,
            receive=receive,
        )


def path_of(scope: Mapping[str, Any]) -> str:
    """Return the path as it was sent, percent-encoded, below the application's mount point, without leading slash."""
    raw: str = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0]
    root = scope.get("root_path", "")
    return raw.removeprefix(root).removeprefix("/") if root else raw.removeprefix("/")


def base_of(scope: Mapping[str, Any], headers: Sequence[Header]) -> str:
    """Return the absolute URL of the mount point as the client knows it, one proxy being believed (1.1)."""
    given = {name: value.decode("latin-1") for name, value in headers}
    scheme = given.get(b"x-forwarded-proto", "").split(",")[-1].strip() or scope.get("scheme", "http")
    prefix = given.get(b"x-forwarded-prefix", "").split(",")[-1].strip().strip("/")
    host = given.get(b"host") or ":".join(str(part) for part in scope.get("server") or ("localhost",))
    return f"{scheme}://{host}{'/' + prefix if prefix else ''}{scope.get('root_path', '')}"


def _no_such_verb(method: str, verbs: Verbs) -> Answer:
    allow: Header = (b"allow", ", ".join(allowed(verbs)).encode())
    if method == "OPTIONS":
        return Answer(200, headers=(allow,))
    return Answer(
        405, f"{method} is not possible here; allowed: {', '.join(allowed(verbs))}".encode(), headers=(allow,)
    )


async def _send(answer: Answer, send: Send, *, whole: bool) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": _headers(answer)})
    if answer.pieces is None or not whole:
        await send({"type": "http.response.body", "body": answer.body if whole else b""})
        return
    async for piece in answer.pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _headers(answer: Answer) -> list[Header]:
    if answer.status == 304:  # noqa: PLR2004 - "not modified" has no body and so no type or length of one
        return list(answer.headers)
    length = len(answer.body) if answer.pieces is None else answer.length
    return [
        (b"content-type", answer.content_type.encode("latin-1")),
        *(() if length is None else ((b"content-length", str(length).encode()),)),
        *answer.headers,
    ]
