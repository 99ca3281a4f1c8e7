"""Group P of the checks: the relay, which is there only for hosts that are allowed."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from tests.integration.server.slap.conftest import Node
from tests.slapmaster import Master

from pilothouse.server.api.slap.options import Options


@pytest.fixture(scope="module")
def closed() -> Iterator[int]:
    with socket.socket() as wire:
        wire.bind(("127.0.0.1", 0))
        yield wire.getsockname()[1]


@pytest.fixture(scope="module")
def relaying(master: Master, closed: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Master]:
    hosts = frozenset({urlsplit(master.url).netloc, f"127.0.0.1:{closed}"})
    running = Master(tmp_path_factory.mktemp("relay"), Options(relay_hosts=hosts)).start()
    yield running
    running.stop()


def test_without_hosts_there_is_no_relay(master: Master) -> None:
    assert master.get("http_proxy/http/example.com/").status_code == 404


def test_allowed_hosts_are_fetched_as_attachments(relaying: Master, master: Master, node: Node) -> None:
    computer, netloc = node(1), urlsplit(master.url).netloc
    path = f"http_proxy/http/{netloc}/getFullComputerInformation"
    answer = relaying.get(path, computer_id=computer)
    assert answer.content == master.get("getFullComputerInformation", computer_id=computer).content
    assert answer.headers["content-disposition"] == "attachment"
    assert "etag" in answer.headers
    moved = relaying.get(f"http_proxy/http/{netloc}/")
    assert (moved.status_code, moved.headers["location"]) == (302, f"{relaying.url}http_proxy/http/{netloc}/ui/")


def test_others_are_refused(relaying: Master, closed: int) -> None:  # P02
    assert relaying.get("http_proxy/http/example.com/").status_code == 403
    assert relaying.get("http_proxy/ftp/example.com/").status_code == 400
    assert relaying.get(f"http_proxy/http/127.0.0.1:{closed}/").status_code == 523
