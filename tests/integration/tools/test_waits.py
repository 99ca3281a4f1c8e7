"""Waiting for ports, web addresses and machines; logging in to see whether one can."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.integration.tools.running import run_on_runner
from tests.sshd import Sshd, free_port

from pilothouse.settings import for_processes


class Service(BaseHTTPRequestHandler):
    """Is up for a POST of the right body, and for a GET."""

    def do_GET(self) -> None:
        self.answer(200)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200 if json.loads(body) == {"ready": [1, 2]} else 503)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass


@pytest.fixture
def service() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_tcpwait_sees_a_port_come_up(tmp_path: Path) -> None:
    port = free_port()
    opened: list[socket.socket] = []
    timer = threading.Timer(0.7, lambda: opened.append(socket.create_server(("127.0.0.1", port))))
    timer.start()
    ran = run_on_runner("inspect/tcpwait", "--retrycount", "10", f"127.0.0.1:{port}", folder=tmp_path)
    timer.join()
    opened[0].close()
    assert ran.code == 0, ran.log
    assert "waiting" in ran.log
    assert ran.log.endswith(f"FINE: 127.0.0.1:{port} is up\n")


def test_tcpwait_for_down_and_its_end(tmp_path: Path, service: int) -> None:
    there, gone = f"127.0.0.1:{service}", f"127.0.0.1:{free_port()}"
    down = ("--targetstatus", "down")
    assert run_on_runner("inspect/tcpwait", *down, gone, folder=tmp_path).code == 0
    ran = run_on_runner("inspect/tcpwait", *down, "--retrycount", "2", f"{there}, {gone}", folder=tmp_path)
    assert (ran.code, f"ERROR: {there} is not down after 2 tries\n" in ran.log) == (1, True), ran.log


def test_urlwait_sends_method_and_body(tmp_path: Path, service: int) -> None:
    url = f"http://127.0.0.1:{service}/"
    words = ("--retrycount", "1", url, f'post, {url}, {{"ready": [1, 2]}}')
    ran = run_on_runner("inspect/urlwait", *words, folder=tmp_path)
    assert (ran.code, ran.log.count("FINE: ")) == (0, 2), ran.log
    ran = run_on_runner("inspect/urlwait", "--retrycount", "1", f"POST, {url}, {{}}", folder=tmp_path)
    assert (ran.code, "status 503" in ran.log) == (1, True)


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ("tcpwait", ()),
        ("tcpwait", ("nonsense",)),
        ("tcpwait", ("--targetstatus", "sideways", "h:1")),
        ("urlwait", ("ftp://x",)),
        ("pingwait", ("--retrycount", "x", "h")),
    ],
)
def test_waits_refuse_what_they_do_not_understand(tmp_path: Path, tool: str, words: tuple[str, ...]) -> None:
    ran = run_on_runner(f"inspect/{tool}", *words, folder=tmp_path)
    assert (ran.code, ran.log.startswith("ERROR: ")) == (2, True)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_machines_that_are_there_answer(tmp_path: Path, host: str) -> None:
    ran = run_on_runner("inspect/pingwait", "--retrycount", "1", host, folder=tmp_path)
    assert (ran.code, ran.log) == (0, f"FINE: {host} is up\n")
    node = {"AUTOEXEC_NODE": json.dumps({"host": host, "resourceId": 4, "port": None})}
    ran = run_on_runner("inspect/pingcheck", folder=tmp_path, environment=node)
    assert ran.outputs is not None
    assert ran.outputs["DATA"]["AVAILABILITY"] == 1


def test_machines_that_are_not_there_are_down(tmp_path: Path) -> None:
    words = ("--targetstatus", "down", "--timeout", "1", "255.255.255.255", "no-such-host.invalid")
    assert run_on_runner("inspect/pingwait", *words, folder=tmp_path).code == 0
    node = {"AUTOEXEC_NODE": json.dumps({"host": "no-such-host.invalid", "resourceId": 4})}
    ran = run_on_runner("inspect/pingcheck", "--timeout", "1", folder=tmp_path, environment=node)
    assert ran.outputs is not None
    assert (ran.code, ran.outputs["DATA"]["AVAILABILITY"]) == (0, 0)
    assert ran.outputs["DATA"]["ERROR_MESSAGE"]


@pytest.mark.parametrize(("user", "available"), [("", 1), ("nobody-such", 0)])
def test_sshcheck_logs_in(tmp_path: Path, sshd: Sshd, user: str, available: int) -> None:
    node = {"resourceId": 4, "host": "127.0.0.1", "protocol": "ssh", "protocolPort": sshd.port}
    environment = {
        "AUTOEXEC_NODE": json.dumps({**node, "username": user or sshd.user}),
        **for_processes(sshd.settings()),
    }
    ran = run_on_runner("inspect/sshcheck", folder=tmp_path, environment=environment)
    assert ran.outputs is not None
    data = ran.outputs["DATA"]
    assert (ran.code, data["AVAILABILITY"], data["PORT"]) == (0, available, sshd.port), ran.log
    assert bool(data["ERROR_MESSAGE"]) == (not available)


def test_a_script_runs_on_any_machine(tmp_path: Path, sshd: Sshd) -> None:
    words = ("--ip", "127.0.0.1", "--port", str(sshd.port), "--username", sshd.user, "--interpreter", "bash")
    script = 'echo "<$1> $2 $AUTOEXEC_JOBID"\\necho told >&2\\nexit 5'
    environment = for_processes(sshd.settings())
    ran = run_on_runner(
        "basic/rexecscript", *words, "--script", script, "it's $HOME", "b", folder=tmp_path, environment=environment
    )
    assert ran.code == 5
    assert "<it's $HOME> b 1001\ntold\n" in ran.log
    ran = run_on_runner(
        "basic/rexecscript", *words, "--script", "true", "--", "--x", folder=tmp_path, environment=environment
    )
    assert ran.code == 0, ran.log
    assert run_on_runner("basic/rexecscript", "--ip", "x", folder=tmp_path).code == 2
    named = ("--ip", "x", "--username", "y", "--script", "true", "--password-file", "nowhere")
    assert "--password-file" in run_on_runner("basic/rexecscript", *named, folder=tmp_path).log
