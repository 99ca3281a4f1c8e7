"""Real databases: a SQLite file, and a PostgreSQL server shared by the tests of this folder."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.databases import Postgresql
from tests.stores import Databases

from pilothouse.store.contract import Store
from pilothouse.store.database import open_store


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    made = Databases(Postgresql().start())
    yield made
    made.server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/pilothouse.db"
    databases: Databases = request.getfixturevalue("databases")
    return databases.make()


@pytest.fixture
async def store(where: str) -> AsyncIterator[Store]:
    async with asyncio.timeout(60):
        opened = await open_store(where)
    yield opened
    await opened.close()
