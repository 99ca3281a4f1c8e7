"""A site on each kind of database."""

import pytest
from tests.site import Site

from pilothouse.services.policy import PRODUCTION
from pilothouse.store.contract import Store


@pytest.fixture
def site(store: Store) -> Site:
    """A proxy: anybody may do everything."""
    return Site(store)


@pytest.fixture
def production(store: Store) -> Site:
    """A master with production's rules, spoken to from its own machine."""
    return Site(store, policy=PRODUCTION)
