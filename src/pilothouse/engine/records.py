"""A job's journal for reading only, while an engine may be writing it."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec

from pilothouse.engine import journal_statements as sql
from pilothouse.engine.journal_rows import NodeRow, OperationRow, PhaseRow, RunRow
from pilothouse.errors import JournalError
from pilothouse.jobs.plan import Plan

T = TypeVar("T")
NodeOutputs = dict[int, dict[str, Any]]

_OUTPUTS: Final = "SELECT operation, resource_id, data FROM output ORDER BY operation, resource_id"
_PLAN: Final = "SELECT plan FROM run ORDER BY number DESC LIMIT 1"
_FACT: Final = "SELECT value FROM fact WHERE name = ?"
_STATEMENTS: Final = {
    RunRow: sql.RUNS,
    PhaseRow: sql.PHASES,
    NodeRow: sql.NODE_ROWS,
    OperationRow: sql.OPERATION_ROWS,
}


class Records:
    """What the journal says now; every question sees what has been recorded until it is asked.

    All methods raise JournalError, naming the file, when it cannot be read.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    def runs(self) -> list[RunRow]:
        """Return all runs, oldest first."""
        return self._all(RunRow)

    def phases(self) -> list[PhaseRow]:
        """Return the state of every phase that was started, in order of start."""
        return self._all(PhaseRow)

    def nodes(self) -> list[NodeRow]:
        """Return the state of every node in every phase."""
        return self._all(NodeRow)

    def operations(self) -> list[OperationRow]:
        """Return the state of every operation on every node."""
        return self._all(OperationRow)

    def outputs(self) -> dict[str, NodeOutputs]:
        """Return all outputs by operation id, then resourceId."""
        found: dict[str, NodeOutputs] = {}
        for operation, resource_id, data in self._rows(_OUTPUTS):
            found.setdefault(operation, {})[resource_id] = msgspec.json.decode(data)
        return found

    def plan(self) -> Plan | None:
        """Return the plan of the last run; None before the first."""
        rows = self._rows(_PLAN)
        return msgspec.json.decode(rows[0][0], type=Plan) if rows else None

    def fact(self, name: str) -> str | None:
        """Return what is known under ``name``."""
        rows = self._rows(_FACT, name)
        return str(rows[0][0]) if rows else None

    def _all(self, kind: Callable[..., T]) -> list[T]:
        return [kind(*row) for row in self._rows(_STATEMENTS[kind])]  # type: ignore[index]

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise _unreadable(self._path, error) from None


@contextlib.contextmanager
def records(path: Path) -> Iterator[Records]:
    """Open a journal that exists; nothing is written to it. Raises JournalError."""
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, isolation_level=None)
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT 1 FROM run LIMIT 1")
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise _unreadable(path, error) from None
    try:
        yield Records(path, connection)
    finally:
        connection.close()


def _unreadable(path: Path, error: sqlite3.Error) -> JournalError:
    return JournalError(f"the journal {path} cannot be read: {error}")
