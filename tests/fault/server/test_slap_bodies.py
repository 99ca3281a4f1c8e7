"""Bodies that are too large, too slow, or cut off: refused, and nothing else is disturbed."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from tests.slapmaster import Master, described, loaded, marshalled

from pilothouse.server.api.slap.options import Options

FORM = "Content-Type: application/x-www-form-urlencoded\r\n"


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Master]:
    running = Master(tmp_path_factory.mktemp("master"), Options(body_timeout=0.5)).start()
    assert running.post("loadComputerConfigurationFromXML", xml=marshalled(described("c", "p0"))).text == "done"
    yield running
    running.stop()


def raw(master: Master, head: str, *bodies: bytes) -> bytes:
    """Send a request by hand; returns the beginning of what comes back."""
    parts = urlsplit(master.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20) as wire:
        wire.sendall(f"{head}Host: h\r\n\r\n".encode())
        for body in bodies:
            wire.sendall(body)
        return wire.recv(65536)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_an_announced_length_is_refused_unread(master: Master) -> None:
    head = f"POST /supplySupply HTTP/1.1\r\n{FORM}Content-Length: 99999999\r\n"
    assert status(raw(master, head)) == 413


def test_a_body_without_length_is_refused_as_soon_as_it_is_too_large(master: Master) -> None:
    chunk = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
    head = f"POST /supplySupply HTTP/1.1\r\n{FORM}Transfer-Encoding: chunked\r\n"
    try:
        assert status(raw(master, head, *[chunk] * 11)) == 413
    except (ConnectionResetError, BrokenPipeError):
        assert master.get("getRunId").status_code == 200  # it was closed while we still sent


def test_a_slow_body_is_given_up(master: Master) -> None:
    head = f"POST /supplySupply HTTP/1.1\r\n{FORM}Content-Length: 100\r\n"
    assert status(raw(master, head, b"url=")) == 408


def test_clients_that_leave_disturb_nobody(master: Master) -> None:
    parts = urlsplit(master.url)
    for _ in range(5):
        with socket.create_connection((parts.hostname or "", parts.port or 0)) as wire:
            wire.sendall(f"POST /supplySupply HTTP/1.1\r\nHost: h\r\n{FORM}Content-Length: 100\r\n\r\nurl=".encode())
    assert master.get("getRunId").status_code == 200


def test_megabytes_of_parameters_are_taken_whole(master: Master) -> None:
    large = "x" * (9 * 1024 * 1024)
    taken = master.request("large", filter_xml={"computer_guid": "c"}, partition_parameter_xml={"_": large})
    assert loaded(taken).get("_parameter_dict")["_"] == large


def test_others_are_answered_while_a_large_body_is_read(master: Master) -> None:
    large = {"filter_xml": {"computer_guid": "c"}, "partition_parameter_xml": {"_": "é&<>" * 100_000}}
    with ThreadPoolExecutor() as pool:
        sent = pool.submit(master.request, "large", **large)
        while not sent.done():
            assert master.get("getRunId").status_code == 200
    assert sent.result().status_code == 200
