"""Threads that read, each with a connection of its own."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from pilothouse.store import audit
from pilothouse.store.errors import StoreError

T = TypeVar("T")

Write = Callable[[Callable[[Connection], None]], Awaitable[None]]


class Readers:
    """A bounded number of readers; ``begin`` opens a snapshot, ``explain`` puts the driver's errors into words."""

    def __init__(
        self, connect: Callable[[], Connection], count: int, begin: str, explain: Callable[[BaseException], StoreError]
    ) -> None:
        self._connect = connect
        self._begin = begin
        self._explain = explain
        self._own = threading.local()
        self._all: list[Connection] = []
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="store-reader")

    async def read(self, work: Callable[[Connection], T], write: Write) -> T:
        """Return what ``work`` reads; what it was refused goes to the audit log by ``write``."""
        loop = asyncio.get_running_loop()
        result, error, refused = await loop.run_in_executor(self._threads, self._read, work)
        if refused:
            await write(lambda connection: audit.put(connection, refused))
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]

    async def close(self) -> None:
        """Let the readers end and close their connections."""
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)
        for connection in self._all:
            connection.close()

    def _read(self, work: Callable[[Connection], Any]) -> tuple[Any, BaseException | None, list[audit.Entry]]:
        while True:
            connection: Connection | None = getattr(self._own, "connection", None)
            fresh = connection is None
            try:
                connection = connection or self._connection()
                return self._in_snapshot(connection, work)
            except Exception as error:  # noqa: BLE001  whatever the driver raises, the connection is not used again
                if connection is not None:
                    self._drop(connection)
                if fresh:
                    return None, self._explain(error), []

    def _in_snapshot(
        self, connection: Connection, work: Callable[[Connection], Any]
    ) -> tuple[Any, BaseException | None, list[audit.Entry]]:
        raw: Any = connection.connection.dbapi_connection
        raw.execute(self._begin)
        try:
            result, failure = work(connection), None
        except Exception as error:
            if self._is_database(error):
                raise
            result, failure = None, error
        raw.execute("ROLLBACK")
        audit.undo(connection)
        return result, failure, audit.take(connection)

    @staticmethod
    def _is_database(error: BaseException) -> bool:
        return isinstance(error, SQLAlchemyError) or type(error).__module__.partition(".")[0] in {"sqlite3", "psycopg"}

    def _connection(self) -> Connection:
        found: Connection | None = getattr(self._own, "connection", None)
        if found is None:
            found = self._own.connection = self._connect()
            self._all.append(found)
        return found

    def _drop(self, connection: Connection) -> None:
        self._own.connection = None
        self._all.remove(connection)
        connection.invalidate()
        connection.close()
