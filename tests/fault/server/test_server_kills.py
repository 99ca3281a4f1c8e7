"""The server killed, and told to stop, while people request."""

import contextlib
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.serverprocess import PATIENCE, ServerProcess

from pilothouse.errors import ExitCode

SOFTWARE = "http://sr.example/a.cfg"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    made = ServerProcess(tmp_path / "data").start()
    with made.client() as client:
        partitions = [{"partition_id": f"p{number}", "ip_list": []} for number in range(300)]
        form = {"computer_guid": "COMP-X", "compute_partition_list": partitions}
        assert client.post("/slapos.put.v0.compute_node_format", json=form).json()["title"] == "Formatted"
        supply = {"computer_guid": "COMP-X", "software_release_uri": SOFTWARE}
        assert client.post("/slapos.post.v0.software_installation", json=supply).status_code == 200
    yield made
    made.clean()


def asked(title: str) -> dict[str, Any]:
    return {"title": title, "software_release_uri": SOFTWARE, "software_type": "default"}


def post(client: httpx.Client, title: str) -> httpx.Response:
    return client.post("/slapos.post.v0.software_instance", json=asked(title))


def titles(server: ServerProcess) -> list[str]:
    with contextlib.closing(sqlite3.connect(server.data / "server.db")) as connection:
        return [title for (title,) in connection.execute("SELECT title FROM instances ORDER BY title")]


def test_a_request_whose_answer_was_lost_gives_the_same_instance_again(server: ServerProcess) -> None:
    lost: list[httpx.Response] = []

    def request_and_lose() -> None:
        with server.client() as client, contextlib.suppress(httpx.TransportError):
            while True:  # the server dies under one of these
                lost.append(post(client, "mine"))

    thread = threading.Thread(target=request_and_lose)
    thread.start()
    deadline = time.monotonic() + PATIENCE
    while "mine" not in titles(server):
        assert time.monotonic() < deadline
    server.end(signal.SIGKILL)
    thread.join(PATIENCE)
    token = server.token
    server.start()
    assert server.token == token, "no second first administrator"
    with server.client() as client:
        again, other = post(client, "mine").json(), post(client, "other").json()
    assert again["compute_partition_id"] == "p0"
    assert {answer.json()["instance_guid"] for answer in lost} <= {again["instance_guid"]}
    assert other["compute_partition_id"] == "p1"
    assert titles(server) == ["mine", "other"]


def test_term_during_load_finishes_what_was_begun(server: ServerProcess) -> None:
    answered: list[str] = []
    refused: list[int] = []
    begun = threading.Event()

    def person(number: int) -> None:
        with server.client() as client:
            for turn in range(1000):
                title = f"{number}-{turn}"
                try:
                    answer = post(client, title)
                except httpx.TransportError:
                    return
                if answer.status_code == 200:
                    answered.append(title)
                else:
                    refused.append(answer.status_code)
                if len(answered) >= 30:
                    begun.set()

    with ThreadPoolExecutor(8) as people:
        done = [people.submit(person, number) for number in range(8)]
        assert begun.wait(PATIENCE)
        code = server.end(signal.SIGTERM)
        for each in done:
            each.result(PATIENCE)
    assert code == 0, "\n".join(server.lines)
    assert server.lines[-1] == "stopped"
    assert set(answered) <= set(titles(server)), "what was answered is there"
    assert not [status for status in refused if status >= 500]


def test_a_second_signal_waits_for_nobody(server: ServerProcess) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as slow, server.client() as client:
        head = (
            f"POST /supplySupply HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}\r\nContent-Length: 99\r\n"
        )
        slow.sendall(f"{head}\r\nurl=".encode())
        deadline = time.monotonic() + PATIENCE
        while "pilothouse_requests_running 2.0" not in client.get("/metrics").text:
            assert time.monotonic() < deadline
        server.signal(signal.SIGTERM)
        while not client_is_refused(server):
            assert time.monotonic() < deadline
        assert server.end(signal.SIGTERM) == ExitCode.ABORTED, "\n".join(server.lines)
    assert "stopped at once; running requests were not answered" in server.lines


def client_is_refused(server: ServerProcess) -> bool:
    """Whether the server takes no new connections any more."""
    try:
        socket.create_connection(("127.0.0.1", server.port)).close()
    except ConnectionRefusedError:
        return True
    return False
