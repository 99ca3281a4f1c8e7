"""A machine and its scripted master, for passes that are killed."""

from collections.abc import Iterator

import pytest
from tests.nodes import Machine, Script, machine
from tests.slaposcli import Slapos
from tests.webserver import serving


@pytest.fixture
def master() -> Iterator[Script]:
    with serving() as server:
        yield Script(server)


@pytest.fixture
def node(master: Script, capsys: pytest.CaptureFixture[str]) -> Iterator[Machine]:
    with machine(master.url, Slapos(capsys)) as made:
        yield made
