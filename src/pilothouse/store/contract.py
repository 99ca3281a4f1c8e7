"""The port: work on the database is a plain function over a connection, run where it keeps nobody waiting.

A function given to ``write`` runs in one transaction. Its result is handed back only when the commit is durable;
what it raises rolls back its own work only. On SQLite one thread writes, and requests that come together share
a commit (each in a savepoint of its own); on PostgreSQL every call has a connection and a transaction of its own.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class Store(Protocol):
    """A database of this server."""

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Return what ``work`` reads in one snapshot. Raises StoreError when the database is away."""
        ...

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Return what ``work`` returned, once its changes are durable.

        ``work`` may be run again after a conflict with another server, so it has no effect but on the database.
        Raises StoreError when the database is away or full; nothing was changed then.
        """
        ...

    def version(self) -> int | None:
        """Return a number that differs after every commit by anybody, without waiting for anything.

        While it is the same, what was read since is still true. None where nobody can tell so cheaply: read again.
        """
        ...

    async def close(self) -> None:
        """Finish what was begun and close every connection."""
        ...
