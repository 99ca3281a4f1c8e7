"""The store in one SQLite file: one thread writes, and what comes together shares a commit; a few threads read."""

import asyncio
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError

from pilothouse.store import audit
from pilothouse.store.errors import StoreError
from pilothouse.store.group import Piece, carry_out, settle
from pilothouse.store.migrate import migrate
from pilothouse.store.reading import Readers

T = TypeVar("T")

_GROUP = 256  # pieces of work in one commit at most: those who wait for the first one wait for all
_PATIENCE = 10.0  # seconds for another process that writes: a backup, the command line


def engine(path: Path) -> Engine:
    """Return how the file is opened; it is created for its owner only. Raises StoreError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError(f"{path}: cannot be opened: {error.strerror}") from None
    made = create_engine(
        f"sqlite+pysqlite:///{path}",
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",  # transactions are begun and ended by hand, so that they can be shared
        connect_args={"check_same_thread": False, "timeout": _PATIENCE, "cached_statements": 512},
    )
    event.listen(made, "connect", _configure)
    return made


def prepare(path: Path) -> None:
    """Create the file and its tables, or bring them up to date. Raises StoreError."""
    made = engine(path)
    try:
        _log_ahead(made)
        migrate(made)
    except (sqlite3.Error, DBAPIError) as error:
        raise StoreError(f"{path}: {explained(error)}") from None
    finally:
        made.dispose()


def _log_ahead(made: Engine) -> None:
    """Set the file's journal mode, which stays with it; SQLite does not wait for others at this, so it is tried."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            with made.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        except DBAPIError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


class SqliteStore:
    """A `Store`; opened by `pilothouse.store.database.open_store`."""

    def __init__(self, path: Path, readers: int = 3) -> None:
        self._path = path
        self._engine = engine(path)
        self._queue: queue.SimpleQueue[Piece | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_all, name="store-writer", daemon=True)
        self._readers = Readers(self._open_reader, readers, "BEGIN", explained)
        self._closed = False
        self._writer.start()

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Return what ``work`` reads in one snapshot."""
        return await self._readers.read(work, self.write)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Return what ``work`` returned, once it is on the disk."""
        if self._closed:
            raise StoreError(f"{self._path}: the store is closed")
        piece = Piece(work)
        self._queue.put(piece)
        return await piece.future  # type: ignore[no-any-return]

    async def close(self) -> None:
        """Finish what was begun and close every connection."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._writer.join)
        await self._readers.close()
        self._engine.dispose()

    def _open_reader(self) -> Connection:
        connection = self._engine.connect()
        connection.exec_driver_sql("PRAGMA query_only = ON")
        return connection

    def _open_writer(self) -> Connection:
        connection = self._engine.connect()
        connection.exec_driver_sql("PRAGMA foreign_keys = ON")  # off in migrations, which copy tables
        return connection

    def _write_all(self) -> None:
        connection: Connection | None = None
        while group := self._gather():
            try:
                if connection is None:
                    connection = self._open_writer()
                _commit(connection, group)
            except Exception as error:  # noqa: BLE001  whatever it was, the next group must be served
                for piece in group:
                    piece.error = explained(error)
                _drop(connection)
                connection = None
            settle(group)
        _drop(connection)

    def _gather(self) -> list[Piece]:
        """Return what waits, at least one piece; nothing at the end."""
        group: list[Piece] = []
        piece = self._queue.get()
        while piece is not None:
            group.append(piece)
            if len(group) == _GROUP:
                return group
            try:
                piece = self._queue.get_nowait()
            except queue.Empty:
                return group
        if group:
            self._queue.put(None)
        return group


def explained(error: BaseException) -> StoreError:
    """Return the error of a database that failed, with what to do."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    hint = ""
    if isinstance(cause, sqlite3.OperationalError):
        name = getattr(cause, "sqlite_errorname", "")
        hint = {
            "SQLITE_FULL": "; make room on its disk",
            "SQLITE_BUSY": "; another process holds it: end that process or wait for it",
        }.get(name, "; look at its disk and its folder's permissions" if "IOERR" in name else "")
    return StoreError(f"the database failed: {cause}{hint}; nothing of this work was done")


def _commit(connection: Connection, group: list[Piece]) -> None:
    """Carry out a group in one transaction; raises sqlite3.Error when nothing of it was done."""
    raw: Any = connection.connection.dbapi_connection
    raw.execute("BEGIN IMMEDIATE")
    for piece in group:
        if not piece.future.cancelled():
            _carry_out(connection, raw, piece)
    audit.flush(connection)
    raw.execute("COMMIT")


def _carry_out(connection: Connection, raw: sqlite3.Connection, piece: Piece) -> None:
    raw.execute("SAVEPOINT piece")
    marked = audit.mark(connection)
    try:
        piece.result = carry_out(piece.work, connection)
    except BaseException as error:  # noqa: BLE001  whatever it is belongs to who asked
        if not raw.in_transaction:  # a full disk ended the whole transaction, and the group's work with it
            raise _ended(error) from None
        raw.execute("ROLLBACK TO piece")
        audit.undo(connection, marked)
        piece.error = explained(error) if isinstance(error, sqlite3.Error | DBAPIError) else error
    raw.execute("RELEASE piece")


def _ended(error: BaseException) -> sqlite3.Error:
    """Return what ended a transaction as the driver's error, whoever wrapped it on the way."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return cause if isinstance(cause, sqlite3.Error) else sqlite3.OperationalError(str(error))


def _drop(connection: Connection | None) -> None:
    if connection is not None:
        audit.take(connection)
        connection.invalidate()
        connection.close()


def _configure(raw: sqlite3.Connection, _record: object) -> None:
    for pragma in ("synchronous = FULL", "cache_size = -65536"):
        raw.execute(f"PRAGMA {pragma}")
