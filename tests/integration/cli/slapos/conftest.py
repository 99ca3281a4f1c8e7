"""Fixtures for commands that speak with a web server."""

from collections.abc import Iterator

import pytest
from tests.slaposcli import Slapos
from tests.webserver import WebServer, serving


@pytest.fixture(scope="module")
def server() -> Iterator[WebServer]:
    with serving() as web:
        yield web


@pytest.fixture
def web(server: WebServer) -> WebServer:
    """The module's server, with nothing on it yet."""
    server.answers.clear()
    server.asked.clear()
    return server


@pytest.fixture
def slapos(capsys: pytest.CaptureFixture[str]) -> Slapos:
    return Slapos(capsys)
