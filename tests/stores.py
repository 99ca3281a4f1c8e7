"""Databases of a test's own: a SQLite file, or a database on a PostgreSQL server that many tests share."""

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Connection, make_url
from tests.databases import PASSWORD, Postgresql

from pilothouse.store import postgresql, sqlite
from pilothouse.store.contract import Store
from pilothouse.store.database import open_store
from pilothouse.store.tables import METADATA

KINDS = ("sqlite", "postgresql")


class Databases:
    """The databases of one server; those with tables are copies of one that was migrated once."""

    def __init__(self, server: Postgresql, folder: Path) -> None:
        self.server = server
        self._numbers = itertools.count(1)
        self._template = ""
        self._file = folder / "template.db"

    def make(self, *, tables: bool) -> str:
        """Create a database, empty or with all tables; returns its address."""
        name = f"pilothouse_{next(self._numbers)}"
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if tables:
            self._template = self._template or self._migrated(self.make(tables=False))
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(self._template))
        with self.connect("postgres") as connection:
            connection.execute(statement)
        return self._address(name)

    def copy(self, folder: Path) -> str:
        """Put a SQLite file with all tables into the folder; returns its address."""
        if not self._file.exists():
            sqlite.prepare(self._file)
        shutil.copyfile(self._file, folder / "pilothouse.db")
        return f"sqlite:///{folder}/pilothouse.db"

    def connect(self, name: str) -> "psycopg.Connection[tuple[object, ...]]":
        """Return a connection past the product."""
        server = self.server
        return psycopg.connect(
            host="127.0.0.1", port=server.port, user=server.user, password=PASSWORD, dbname=name, autocommit=True
        )

    def _address(self, name: str) -> str:
        server = self.server
        return f"postgresql://{server.user}:{quote(PASSWORD)}@127.0.0.1:{server.port}/{name}"

    @staticmethod
    def _migrated(where: str) -> str:
        postgresql.prepare(make_url(where))
        return where.rpartition("/")[2]


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """A server for all tests that do not disturb it."""
    made = Databases(Postgresql().start(), tmp_path_factory.mktemp("databases"))
    yield made
    made.server.stop()


class Cleared:
    """One store of each kind for many tests, emptied before each: databases of their own would take too long."""

    def __init__(self, databases: Databases, folder: Path) -> None:
        self._where = {"sqlite": lambda: databases.copy(folder), "postgresql": lambda: databases.make(tables=True)}
        self._open: dict[str, Store] = {}

    async def get(self, kind: str) -> Store:
        """Return a store with nothing in it."""
        if kind not in self._open:
            self._open[kind] = await open_store(self._where[kind]())
        await self._open[kind].write(_clear)
        return self._open[kind]

    def close(self) -> None:
        """Close all of them."""
        with asyncio.Runner() as runner:
            for each in self._open.values():
                runner.run(each.close())


def _clear(connection: Connection) -> None:
    for table in reversed(METADATA.sorted_tables):
        what = table.delete()
        connection.execute(what.where(table.c.name != "") if table.name == "projects" else what)


@pytest.fixture(scope="session")
def cleared(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cleared]:
    """The stores that are emptied for each test."""
    made = Cleared(databases, tmp_path_factory.mktemp("cleared"))
    yield made
    made.close()


@pytest.fixture(params=KINDS)
def empty(request: pytest.FixtureRequest, tmp_path: Path, databases: Databases) -> str:
    """The address of an empty database of each kind."""
    return databases.make(tables=False) if request.param == "postgresql" else f"sqlite:///{tmp_path}/pilothouse.db"


@pytest.fixture(params=KINDS)
def where(request: pytest.FixtureRequest, tmp_path: Path, databases: Databases) -> str:
    """The address of a database of each kind with all tables."""
    return databases.make(tables=True) if request.param == "postgresql" else databases.copy(tmp_path)


@pytest.fixture
async def store(where: str) -> AsyncIterator[Store]:
    """A store of each kind."""
    opened = await open_store(where)
    yield opened
    await opened.close()
