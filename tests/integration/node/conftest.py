"""A machine and its scripted master."""

from collections.abc import Iterator

import pytest
from tests.nodes import Machine, Script, machine
from tests.slaposcli import Slapos
from tests.webserver import WebServer, serving


@pytest.fixture(scope="module")
def web() -> Iterator[WebServer]:
    with serving() as server:
        yield server


@pytest.fixture
def master(web: WebServer) -> Script:
    return Script(web)


@pytest.fixture
def node(master: Script, capsys: pytest.CaptureFixture[str]) -> Iterator[Machine]:
    with machine(master.url, Slapos(capsys)) as made:
        yield made
