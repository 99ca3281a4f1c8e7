"""The original's master, shared by the tests of this folder."""

from collections.abc import Iterator

import pytest
from tests.originals import Original, slapos
from tests.slapproxy import SlapProxy

for part in ("nodes", "requests", "trees", "slaves", "library"):
    pytest.register_assert_rewrite(f"tests.interop.slap.checks_{part}")


@pytest.fixture(scope="session")
def original() -> Original:
    return slapos()


@pytest.fixture(scope="session")
def proxy(original: Original, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlapProxy]:
    server = SlapProxy(original, tmp_path_factory.mktemp("slapproxy")).start()
    yield server
    server.stop()
