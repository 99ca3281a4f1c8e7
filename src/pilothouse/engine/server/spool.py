"""Pushes that wait for delivery, on disk in the run folder: nothing is sent that is not here first.

Two engines of one job may overlap for a moment, because the server starts the next group before it answers
the last one's request to do so. The spool's lock lets one of them deliver at a time.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from pilothouse.engine.database import Database
from pilothouse.engine.server.pushes import Push
from pilothouse.errors import JournalError

T = TypeVar("T")

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS push (
  number INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL, body TEXT NOT NULL, scope TEXT NOT NULL)
"""
_PUT: Final = "INSERT INTO push (path, body, scope) VALUES (?, ?, ?)"
_NEXT: Final = "SELECT number, path, body, scope FROM push ORDER BY number LIMIT ?"
_DONE: Final = "DELETE FROM push WHERE number = ?"
_COUNT: Final = "SELECT count(*) FROM push"
_WITHDRAW: Final = "DELETE FROM push WHERE path = ? AND scope = ?"


class Entry(msgspec.Struct, frozen=True):
    """A push with its number, which grows with time."""

    number: int
    push: Push


class Spool:
    """The unsent pushes of one job, in order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = Database(path, "spool", patience=30.0)
        self._lock = -1

    async def open(self) -> None:
        """Open or create the spool. Raises JournalError."""
        await self._call(lambda: self._file.open().execute(_SCHEMA))

    async def close(self) -> None:
        """Let go of the file and of the right to deliver."""
        self.let_go()
        await self._call(self._file.close)
        self._file.end()

    def take(self) -> bool:
        """Take the right to deliver; False while another process has it."""
        if self._lock < 0:
            descriptor = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return False
            self._lock = descriptor
        return True

    def let_go(self) -> None:
        """Give up the right to deliver."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    async def put(self, pushes: Sequence[Push]) -> None:
        """Add pushes; on return they have reached the disk. Raises JournalError."""
        rows = [(_PUT, (push.path, push.body, push.scope)) for push in pushes]
        await self._call(lambda: self._file.write(rows))

    async def first(self, limit: int) -> list[Entry]:
        """Return the oldest entries."""
        rows = await self._call(lambda: self._file.rows(_NEXT, limit))
        return [Entry(number, Push(path, body, scope)) for number, path, body, scope in rows]

    async def done(self, numbers: Sequence[int]) -> None:
        """Forget entries that were delivered, or that nobody wants."""
        await self._call(lambda: self._file.write((_DONE, (number,)) for number in numbers))

    async def withdraw(self, path: str, scope: str) -> None:
        """Forget unsent pushes of a kind, because they are about to be made anew."""
        await self._call(lambda: self._file.write([(_WITHDRAW, (path, scope))]))

    async def count(self) -> int:
        """Return how many pushes wait."""
        rows = await self._call(lambda: self._file.rows(_COUNT))
        return int(rows[0][0])

    async def _call(self, work: Callable[[], T]) -> T:
        try:
            return await self._file.run(work)
        except (sqlite3.Error, OSError) as error:
            raise JournalError(f"the unsent status pushes in {self._path} cannot be kept: {error}") from None
