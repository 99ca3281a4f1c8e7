"""A site on each kind of database."""

import pytest
from tests.masters import Site
from tests.stores import KINDS, Cleared

from pilothouse.services.policy import PRODUCTION


@pytest.fixture(params=KINDS)
async def site(request: pytest.FixtureRequest, cleared: Cleared) -> Site:
    """A proxy: anybody may do everything."""
    return Site(await cleared.get(request.param))


@pytest.fixture
def production(site: Site) -> Site:
    """A master with production's rules, spoken to from its own machine."""
    site.policy = PRODUCTION
    return site
