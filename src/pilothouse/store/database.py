"""Open the store that a setting names."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from pilothouse.errors import SettingsError
from pilothouse.store.contract import Store

_SQLITE = ("sqlite", "sqlite+pysqlite")
_POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")


async def open_store(where: Path | str) -> Store:
    """Open the database, create or migrate its tables, and return it.

    ``where`` is a file's path, ``sqlite:///PATH`` or ``postgresql://USER:PASSWORD@HOST:PORT/NAME``. Raises
    SettingsError when it is none of these, StoreError when the database cannot be used.
    """
    return await asyncio.get_running_loop().run_in_executor(None, _opener(where))


def _opener(where: Path | str) -> Callable[[], Store]:
    if isinstance(where, Path):
        return lambda: _sqlite(where)
    if "://" not in where:
        return lambda: _sqlite(Path(where))
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):
        raise SettingsError("database: is not an address such as postgresql://user@host/name") from None
    if url.drivername in _SQLITE and url.database:
        path = Path(url.database)
        return lambda: _sqlite(path)
    if url.drivername in _POSTGRESQL:
        return lambda: _postgresql(url)
    raise SettingsError(f"database: {url.drivername} is not supported; allowed: sqlite, postgresql")


def _sqlite(path: Path) -> Store:
    from pilothouse.store import sqlite  # noqa: PLC0415  only the driver that is used

    sqlite.prepare(path)
    return sqlite.SqliteStore(path)


def _postgresql(url: URL) -> Store:
    try:
        from pilothouse.store import postgresql  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"database: PostgreSQL needs the package {error.name}; install it: pip install 'pilothouse[sql]'"
        ) from None
    postgresql.prepare(url)
    return postgresql.PostgresqlStore(url)
