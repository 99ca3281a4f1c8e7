"""A master for all tests of this folder; each test works on nodes and titles of its own."""

import itertools
from collections.abc import Callable, Iterator

import pytest
from tests.slapmaster import Master, described, marshalled

from pilothouse.server.api.slap.options import Options

Node = Callable[[int], str]


@pytest.fixture(scope="session")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Master]:
    folder = tmp_path_factory.mktemp("master")
    options = Options(
        cache_content=folder / "contents",
        cache_metadata=folder / "index",
        body_timeout=1.0,
        home="/ui/",
    )
    running = Master(folder, options).start()
    yield running
    running.stop()


_numbers = itertools.count(1)


@pytest.fixture
def node(master: Master) -> Node:
    """Format a node with so many partitions; returns its reference."""

    def make(partitions: int) -> str:
        computer = f"node{next(_numbers)}"
        names = [f"part{number}" for number in range(partitions)]
        answer = master.post("loadComputerConfigurationFromXML", xml=marshalled(described(computer, *names)))
        assert (answer.status_code, answer.text) == (200, "done")
        return computer

    return make


@pytest.fixture
def title() -> str:
    return f"title{next(_numbers)}"
