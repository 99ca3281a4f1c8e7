"""Around every request: its id, its line in the access log, its place in the counters, and an end to its patience."""

import asyncio
import itertools
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import msgspec

from pilothouse.clock import Clock
from pilothouse.server.login import client_of
from pilothouse.server.meters import Meters, dialect

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

ID_HEADER: Final = b"x-request-id"
CALLER: Final = "caller"  # in the scope's state, once somebody has found out
log = logging.getLogger(__name__)
access_log = logging.getLogger("pilothouse.access")
_SANE_ID: Final = re.compile(rb"[\w.-]{1,64}")
# another start counts from another beginning: a new random number for each request would cost more than its line
_START: Final = secrets.token_hex(5)
_COUNT: Final = itertools.count(1)


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the access log. There is no query in it: clients put what they like there."""

    time: float
    id: str
    client: str
    caller: str
    method: str
    path: str
    status: int
    milliseconds: float
    bytes: int


class _Exchange:
    """What is learnt about one request while it runs."""

    def __init__(self, request_id: bytes, deadline: asyncio.Timeout, patience: float) -> None:
        self.request_id = request_id
        self.deadline = deadline
        self.patience = patience
        self.over = False  # the application has ended, and the deadline with it
        self.status = 0
        self.size = 0

    async def received(self, message: Message) -> Message:
        # an upload may take long; the answer to a whole request may not
        if message["type"] == "http.request" and not message.get("more_body") and not self.status:
            self.deadline.reschedule(asyncio.get_running_loop().time() + self.patience)
        return message

    def sent(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if not self.over:
                self.deadline.reschedule(None)
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (ID_HEADER, self.request_id)]
        elif message["type"] == "http.response.body":
            self.size += len(message.get("body", b""))


class Observed:
    """An ASGI application around another; the last resort for its errors too."""

    def __init__(self, app: App, meters: Meters, clock: Clock, patience: float) -> None:
        self._app = app
        self._meters = meters
        self._clock = clock
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        begun = self._clock.monotonic()
        with self._meters.running.track_inprogress():
            exchange = await self._served(scope, receive, send)
        self._note(scope, exchange, self._clock.monotonic() - begun)

    async def _served(self, scope: Scope, receive: Receive, send: Send) -> _Exchange:
        deadline = asyncio.timeout(None)
        exchange = _Exchange(_request_id(scope), deadline, self._patience)

        async def receiving() -> Message:
            return await exchange.received(await receive())

        async def sending(message: Message) -> None:
            exchange.sent(message)
            await send(message)

        scope.setdefault("state", {})["request_id"] = exchange.request_id.decode("ascii")
        try:
            async with deadline:
                try:
                    await self._app(scope, receiving, sending)
                finally:
                    exchange.over = True
        except TimeoutError:
            await _refuse(exchange, sending, 503, b"The server is too busy to answer in time; ask again later\n")
        except Exception:
            log.exception("request %s failed: %s %s", exchange.request_id.decode(), scope["method"], scope["path"])
            await _refuse(exchange, sending, 500, b"Internal server error\n")
        return exchange

    def _note(self, scope: Scope, exchange: _Exchange, seconds: float) -> None:
        spoken = dialect(scope["path"])
        self._meters.requests.labels(spoken, str(exchange.status)).inc()
        self._meters.seconds.labels(spoken).observe(seconds)
        if access_log.isEnabledFor(logging.INFO):
            access_log.info("%s", msgspec.json.encode(self._line(scope, exchange, seconds)).decode())

    def _line(self, scope: Scope, exchange: _Exchange, seconds: float) -> Line:
        caller = scope["state"].get(CALLER)
        return Line(
            time=round(self._clock.time(), 3),
            id=exchange.request_id.decode("ascii"),
            client=client_of(scope),
            caller=f"{caller.kind}:{caller.name}" if caller else "",
            method=scope["method"],
            path=scope["path"],
            status=exchange.status,
            milliseconds=round(seconds * 1000, 2),
            bytes=exchange.size,
        )


async def _refuse(exchange: _Exchange, send: Send, status: int, text: bytes) -> None:
    if exchange.status:
        return  # the answer has begun; the connection ends with what there is of it
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(text)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})


def _request_id(scope: Scope) -> bytes:
    given = next((value for name, value in scope["headers"] if name == ID_HEADER), b"")
    return given if _SANE_ID.fullmatch(given) else f"{_START}-{next(_COUNT):06x}".encode("ascii")
