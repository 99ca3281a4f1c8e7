"""The original's master, for our client command."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import originals
from tests.interop.cli.world import Site
from tests.originals import Original
from tests.slaposcli import Slapos
from tests.slapproxy import SlapProxy


@pytest.fixture(scope="session")
def original() -> Original:
    return originals.slapos()


@pytest.fixture(scope="session")
def proxy(original: Original, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlapProxy]:
    """A master that is a network cache as well."""
    folder = tmp_path_factory.mktemp("proxy-of-cli")
    caches = [f"shacache_{name}_directory = {folder / name}" for name in ("content", "metadata")]
    for name in ("content", "metadata"):
        (folder / name).mkdir()
    server = SlapProxy(original, folder, *caches).start()
    yield server
    server.stop()


@pytest.fixture
def site(proxy: SlapProxy, tmp_path: Path) -> Site:
    return Site(proxy, tmp_path)


@pytest.fixture
def slapos(site: Site, capsys: pytest.CaptureFixture[str]) -> Slapos:
    return Slapos(capsys, str(site.cfg))
