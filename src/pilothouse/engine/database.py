"""One SQLite file of the engine, used from a thread of its own: what is written is on the disk on return."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

Row = tuple[str, tuple[Any, ...]]
"""A statement with its values."""


class Database:
    """A file and its thread. `open`, `close`, `rows` and `write` are for that thread, which `run` leads to.

    ``patience`` is the seconds to wait for another process that is writing. Errors are those of sqlite3.
    """

    def __init__(self, path: Path, name: str, patience: float = 5.0) -> None:
        self._path = path
        self._patience = patience
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._connection: sqlite3.Connection | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """Do ``work`` in the file's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def end(self) -> None:
        """Let the thread end."""
        self._thread.shutdown()

    def open(self) -> sqlite3.Connection:
        """Open or create the file, for its owner only."""
        self._connection = connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, timeout=self._patience
        )
        self._path.chmod(0o600)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def close(self) -> None:
        """Let go of the file; harmless when it is not open."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return what a question finds."""
        return self._opened().execute(statement, values).fetchall()

    def write(self, rows: Iterable[Row]) -> None:
        """Carry statements out, all or none."""
        connection = self._opened()
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement, values in rows:
                connection.execute(statement, values)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.ProgrammingError("it is not open")
        return self._connection
