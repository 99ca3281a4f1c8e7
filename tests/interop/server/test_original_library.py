"""The original's library, and ours, against our master: every check of a master through a library."""

from collections.abc import Iterator

import pytest
from tests.interop.slap import original_library
from tests.interop.slap.checks import CHECKS
from tests.interop.slap.world import World
from tests.originals import slapos
from tests.slapmaster import Master

from pilothouse.slap import client
from pilothouse.slap.marshal_writer import dumps


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Master]:
    running = Master(tmp_path_factory.mktemp("master")).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def world(master: Master) -> World:
    return World(client, dumps, client.HTTPError, master.url, f"{master.url}hateoas")


@pytest.mark.parametrize("name", CHECKS)
def test_our_library_and_our_master(world: World, name: str) -> None:
    CHECKS[name](world)


def test_the_original_library_passes_every_check(master: Master) -> None:
    found = original_library.results(slapos().python, master.url, f"{master.url}hateoas")
    assert found.keys() == CHECKS.keys()
    assert {name: text for name, text in found.items() if text} == {}
