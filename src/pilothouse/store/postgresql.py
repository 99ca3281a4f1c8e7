"""The store in PostgreSQL: a bounded number of threads, each with a connection and a transaction a piece of work."""

import asyncio
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from sqlalchemy import Connection, Engine, NullPool, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from pilothouse.store import audit
from pilothouse.store.errors import StoreError
from pilothouse.store.group import carry_out
from pilothouse.store.migrate import migrate
from pilothouse.store.reading import Readers

T = TypeVar("T")

_ATTEMPTS = 12
_PAUSE = 0.005  # seconds before the second attempt; each later one waits up to twice as long
_LONGEST = 0.25
_CONFLICTS = (errors.SerializationFailure, errors.DeadlockDetected, errors.UniqueViolation)
_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


def engine(url: URL) -> Engine:
    """Return how the database is reached."""
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",  # transactions are begun and ended by hand, as on SQLite
        connect_args={"connect_timeout": 5, "application_name": "pilothouse"},
    )


def prepare(url: URL) -> None:
    """Create the tables or bring them up to date. Raises StoreError."""
    try:
        migrate(engine(url))
    except (psycopg.Error, DBAPIError) as error:
        raise explained(error) from None


class PostgresqlStore:
    """A `Store`; opened by `pilothouse.store.database.open_store`."""

    def __init__(self, url: URL, writers: int = 8, readers: int = 4) -> None:
        self._engine = engine(url)
        self._own = threading.local()
        self._all: list[Connection] = []
        self._threads = ThreadPoolExecutor(writers, thread_name_prefix="store-writer")
        self._readers = Readers(self._engine.connect, readers, _SNAPSHOT, explained)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Return what ``work`` reads in one snapshot."""
        return await self._readers.read(work, self.write)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Return what ``work`` returned, once it is durable."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._write, work)
        except RuntimeError as error:
            if "shutdown" in str(error):
                raise StoreError("the store is closed") from None
            raise

    async def close(self) -> None:
        """Finish what was begun and close every connection."""
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)
        await self._readers.close()
        for connection in self._all:
            connection.close()
        self._engine.dispose()

    def _write(self, work: Callable[[Connection], T]) -> T:
        """Carry out a piece of work; what the database undid for others' sake is done again."""
        attempt, again = 0, True
        while True:
            attempt += 1
            connection: Connection | None = getattr(self._own, "connection", None)
            fresh = connection is None
            try:
                connection = connection or self._connected()
                return _transact(connection, work)
            except _CommitLostError as error:
                self._drop(connection)
                raise StoreError(f"{explained(error.cause)}; it may have been done all the same: ask again") from None
            except (psycopg.Error, DBAPIError) as error:
                cause = _cause(error)
                if isinstance(cause, _CONFLICTS) and attempt < _ATTEMPTS:
                    time.sleep(random.uniform(0, min(_LONGEST, _PAUSE * 2**attempt)))  # noqa: S311  only a pause
                    continue
                if connection is not None and _is_lost(connection, cause):
                    self._drop(connection)
                    if not fresh and again:  # the server was started again since
                        again = False
                        continue
                raise explained(error) from None

    def _connected(self) -> Connection:
        made = self._own.connection = self._engine.connect()
        self._all.append(made)
        return made

    def _drop(self, connection: Connection | None) -> None:
        self._own.connection = None
        if connection is not None:
            self._all.remove(connection)
            connection.invalidate()
            connection.close()


class _CommitLostError(Exception):
    def __init__(self, cause: BaseException) -> None:
        self.cause = cause


def explained(error: BaseException) -> StoreError:
    """Return the error of a database that failed, with what to do."""
    cause = _cause(error)
    text = " ".join(str(cause).split())
    hint = "; is the server up, and does it let this one in?" if isinstance(cause, psycopg.OperationalError) else ""
    return StoreError(f"the database failed: {text}{hint}")


def _cause(error: BaseException) -> BaseException:
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def _is_lost(connection: Connection, cause: BaseException) -> bool:
    raw: Any = connection.connection.dbapi_connection if not connection.invalidated else None
    return raw is None or raw.broken or raw.closed or isinstance(cause, errors.AdminShutdown)


def _transact(connection: Connection, work: Callable[[Connection], T]) -> T:
    raw: Any = connection.connection.dbapi_connection
    raw.execute("BEGIN")
    try:
        result = carry_out(work, connection)
        audit.flush(connection)
    except BaseException as error:
        audit.undo(connection)
        if not raw.broken and not raw.closed:
            raw.execute("ROLLBACK")
        if isinstance(_cause(error), psycopg.Error):
            audit.take(connection)  # the work runs again, or is told to the caller as not done
        else:
            _keep_refusals(connection, raw)
        raise
    try:
        raw.execute("COMMIT")
    except psycopg.OperationalError as error:
        raise _CommitLostError(error) from error
    return result


def _keep_refusals(connection: Connection, raw: Any) -> None:
    if audit.mark(connection):
        raw.execute("BEGIN")
        audit.flush(connection)
        raw.execute("COMMIT")
