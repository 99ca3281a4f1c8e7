"""The original's master, for our client command."""

from collections.abc import Iterator

import pytest
from tests import originals
from tests.slapproxy import SlapProxy


@pytest.fixture(scope="session")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlapProxy]:
    server = SlapProxy(originals.slapos(), tmp_path_factory.mktemp("proxy-of-cli")).start()
    yield server
    server.stop()
