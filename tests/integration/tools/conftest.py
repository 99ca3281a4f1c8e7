"""Database servers, each started once in a process of the test run that needs it.

Tests that use one are marked as a group, so that one process runs them all.
"""

from collections.abc import Iterator

import pytest
from tests.databases import Mariadb, Postgresql


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    server = Postgresql().start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Mariadb]:
    server = Mariadb().start()
    yield server
    server.stop()
