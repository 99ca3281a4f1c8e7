"""A control server for tests: real HTTP on loopback, every signature checked, every request kept, faults on order.

It is a peer in the sense of autoexec-console.md, part 1: what it answers is what the documents say.
"""

import json
import ssl
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pilothouse.controlserver import calls
from pilothouse.controlserver.address import Server
from pilothouse.identity import signing
from pilothouse.jobs.secret import Secret

USER = "autoexec"
TOKEN = "s3cr3t-token"
TENANT = "demo"


@dataclass
class Reply:
    """What to answer. ``cut`` sends so many bytes of the body only; ``hang`` seconds pass first."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    hang: float = 0.0


def envelope(value: Any = None) -> Reply:
    body: dict[str, Any] = {"Status": "OK", "TimeCost": 1}
    if value is not None:
        body["Return"] = value
    return _json(200, body)


def refusal(status: int, message: str) -> Reply:
    return _json(status, {"Status": "ERROR", "Message": message})


def _json(status: int, body: Any) -> Reply:
    text = json.dumps(body, ensure_ascii=False).encode()
    return Reply(status, text, {"Content-Type": "application/json;charset=UTF-8"})


@dataclass
class Request:
    """A request as it came in; ``body`` is decoded JSON, ``query`` has the last value of each name."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    at: float
    signed: bool


class Console:
    """The server; ``answers`` are functions by path, ``faults`` are replies that come first, once each."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.faults: defaultdict[str, deque[Reply]] = defaultdict(deque)
        self.answers: dict[str, Callable[[Request], Reply]] = {}
        self.params: dict[str, Any] = {}
        self.nodes: dict[str, str | int] = {}
        self.scripts: dict[str, dict[str, Any]] = {}
        self.files: dict[str, tuple[str, bytes]] = {}
        self.accounts: dict[str, Any] = {}
        self.unchanged = 204
        self.problems: list[str] = []
        self._context = context
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self.port = 0
        self._released = threading.Event()

    def start(self) -> "Console":
        """Listen, on the same port again after a stop."""
        console = self

        class Handler(_Handler):
            peer = console

        server = _Server(("127.0.0.1", self.port), Handler)
        if self._context is not None:
            server.socket = self._context.wrap_socket(server.socket, server_side=True)
        self._server, self.port = server, server.server_address[1]
        self._released.clear()
        self._thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Refuse connections from now on."""
        if self._server is not None and self._thread is not None:
            self._released.set()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://localhost:{self.port}"

    def server(self, **fields: Any) -> Server:
        """Return the address of this server, with time limits fit for tests."""
        limits = {"connect_timeout": 2.0, "read_timeout": 1.0, "patience": 5.0, "grace": 5.0}
        known = {"url": self.url, "user": USER, "password": Secret(TOKEN), "tenant": TENANT, **limits}
        return Server(**{**known, **fields})

    def of(self, *paths: str) -> list[Request]:
        """Return the requests of these calls, in order."""
        return [request for request in self.requests if request.path in paths]

    def pushes(self) -> list[tuple[str, ...]]:
        """Return what was reported, in order and in few words."""
        said: list[tuple[str, ...]] = []
        for request in self.requests:
            body = request.body
            if request.path == calls.PHASE_STATUS:
                said.append(("phase", body["phase"], body["status"]))
            elif request.path == calls.NODE_STATUS:
                said.append(("node", body["phase"], str(body["resourceId"]), body["status"]))
            elif request.path == calls.JOB_STATUS:
                said.append(("job", body["status"]))
            elif request.path == calls.FIRE_NEXT:
                said.append(("fire", str(body["groupNo"])))
        return said

    def serve(self, request: Request) -> Reply:
        """Return the answer to a request."""
        self.requests.append(request)
        if not request.signed:
            self.problems.append(f"{request.path}: wrong signature")
            return refusal(522, "authentication failed")
        if faults := self.faults[request.path]:
            return faults.popleft()
        if own := self.answers.get(request.path):
            return own(request)
        answer = _ANSWERS.get(request.path)
        return answer(self, request) if answer else envelope()

    def wait(self, seconds: float) -> None:
        """Let time pass, unless the server is being stopped."""
        self._released.wait(seconds)


def node_list(nodes: Sequence[dict[str, Any]], **header: Any) -> str:
    """Return a node file as servers write it."""
    first = {"totalCount": len(nodes), "localRunnerId": 1, "jobRunnerIds": [1], **header}
    return "".join(json.dumps(line) + "\n" for line in (first, *nodes))


def _params(console: Console, request: Request) -> Reply:
    found = console.params.get(str(request.body["jobId"]))
    return envelope(found) if found else refusal(520, "job not found")


def _nodes(console: Console, request: Request) -> Reply:
    query = request.query
    scope = {"job": "job", "group": f"group:{query.get('groupNo')}", "phase": f"phase:{query['phase']}"}[
        query["nodeFrom"]
    ]
    found = console.nodes.get(scope, console.unchanged)
    if isinstance(found, int):
        return Reply(found)
    return Reply(200, found.encode(), {"Content-Type": "application/octet-stream"})


def _script(console: Console, request: Request) -> Reply:
    found = console.scripts.get(request.query["scriptId"])
    if found is None:
        return refusal(520, "script not found")
    headers = {
        "ScriptId": request.query["scriptId"],
        "ScriptName": found["name"],
        "ScriptVersionId": found["version"],
        "ScriptInterpreter": found.get("interpreter", "sh"),
        "ScriptIsLib": str(found.get("library", 0)),
        "ScriptUseLibs": json.dumps(found.get("uses", [])),
        "Content-Type": "application/octet-stream",
    }
    if request.query.get("scriptVersionId") == found["version"]:
        return Reply(205, b"", headers)
    text = found["text"]
    return Reply(200, text if isinstance(text, bytes) else text.encode(), headers)


def _file(console: Console, request: Request) -> Reply:
    found = console.files.get(request.query["id"])
    if found is None:
        return refusal(520, "file not found")
    name, content = found
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if float(request.query["lastModified"]) > 0:
        return Reply(console.unchanged, b"", headers)
    return Reply(200, content, headers)


def _account(console: Console, request: Request) -> Reply:
    found = console.accounts.get(request.body["accountId"])
    return envelope(found) if found else refusal(520, "account not found")


_ANSWERS: dict[str, Callable[[Console, Request], Reply]] = {
    calls.PARAMS: _params,
    calls.NODES: _nodes,
    calls.SCRIPT: _script,
    calls.FILE: _file,
    calls.ACCOUNT: _account,
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are a part of the tests; everything else is a fault of this server."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            self.RequestHandlerClass.peer.problems.append(repr(error))  # type: ignore[attr-defined]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    peer: Console

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""

    def _serve(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        authorization, user = self.headers.get("Authorization", ""), self.headers.get("x-access-key", "")
        signed = (
            user == USER
            and self.headers.get("AuthType") == "hmac"
            and signing.verify(authorization, USER, Secret(TOKEN), self.path, body)
        )
        request = Request(
            path=parts.path,
            query={name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()},
            headers={name.lower(): value for name, value in self.headers.items()},
            body=json.loads(body) if body else None,
            at=time.monotonic(),
            signed=signed,
        )
        reply = self.peer.serve(request)
        if reply.hang:
            self.peer.wait(reply.hang)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status not in {204, 304}:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body if reply.cut is None else reply.body[: reply.cut])
        if reply.cut is not None:
            self.close_connection = True
