"""The original, and our server in both profiles with a person at it."""

from collections.abc import Iterator

import pytest
from tests.interop.server.desks import DESKS, Desk
from tests.originals import Original, slapos


@pytest.fixture(scope="session")
def original() -> Original:
    return slapos()


@pytest.fixture(scope="module", params=DESKS)
def desk(
    request: pytest.FixtureRequest, original: Original, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    with DESKS[request.param](original, tmp_path_factory.mktemp("desk")) as found:
        yield found
