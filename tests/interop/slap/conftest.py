"""The original's master, shared by the tests of this folder."""

from collections.abc import Iterator

import pytest
from tests.originals import Original, slapos
from tests.slapproxy import SlapProxy


@pytest.fixture(scope="session")
def original() -> Original:
    return slapos()


@pytest.fixture(scope="session")
def proxy(original: Original, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlapProxy]:
    server = SlapProxy(original, tmp_path_factory.mktemp("slapproxy")).start()
    yield server
    server.stop()
