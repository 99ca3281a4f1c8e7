"""A master that answers what a test tells it to, and remembers what it was asked. For the client library only."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import msgspec


class Asked(msgspec.Struct, frozen=True):
    """One request; ``form`` keeps the order of the fields."""

    verb: str
    target: str
    headers: dict[str, str]
    form: list[tuple[str, str]]
    peer: tuple[str, int]

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query)


class Answer(msgspec.Struct, frozen=True):
    """What is answered; ``hang_up`` closes the connection without announcing it, even before all is sent."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}
    hang_up: bool = False
    held_back: int = 0


Rule = Answer | Callable[[Asked], Answer]


class MasterStub:
    """One server on 127.0.0.1; ``rules`` has an answer for each path, and what is missing there is a 404."""

    def __init__(self, tls: Any = None) -> None:
        self.rules: dict[str, Rule] = {}
        self.asked: list[Asked] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                form = parse_qsl(body.decode(), keep_blank_values=True)
                host, port = self.client_address[:2]
                headers = dict(self.headers.items())
                asked = Asked(self.command, self.path, headers, form, (str(host), int(port)))
                stub.asked.append(asked)
                rule = stub.rules.get(asked.path, Answer(404))
                answer = rule if isinstance(rule, Answer) else rule(asked)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body) + answer.held_back))
                self.end_headers()
                self.wfile.write(answer.body)
                self.close_connection = answer.hang_up

            do_POST = do_GET  # noqa: N815 - the library's name

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Say nothing of clients that went away, or were refused."""

        self._server = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if tls is None else "https"
        self.place = f"127.0.0.1:{self._server.server_port}"
        self.url = f"{scheme}://{self.place}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def start(self) -> "MasterStub":
        self._thread.start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def named(self, path: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == path]
