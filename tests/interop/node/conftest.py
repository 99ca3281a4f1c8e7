"""A node and a client of the original, in both profiles of our server."""

from collections.abc import Iterator

import pytest
from tests.interop.node.sites import SITES, Site
from tests.originals import Original, slapos


@pytest.fixture(scope="session")
def original() -> Original:
    return slapos()


@pytest.fixture(scope="module", params=SITES)
def site(
    request: pytest.FixtureRequest, original: Original, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with SITES[request.param](original, tmp_path_factory.mktemp("site")) as found:
        yield found
