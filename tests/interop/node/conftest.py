"""The original, for its node and its client."""

import pytest
from tests.originals import Original, slapos


@pytest.fixture(scope="session")
def original() -> Original:
    return slapos()
