"""``collector.db``: what was measured, a row for each thing and run (node spec 17.5, 17.8)."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_REAL: Final = "real"
_TEXT: Final = "text"
_INTEGER: Final = "integer"
TABLES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "user": (
        ("partition", _TEXT), ("pid", _REAL), ("process", _TEXT), ("cpu_percent", _REAL), ("cpu_time", _REAL),
        ("cpu_num_threads", _REAL), ("memory_percent", _REAL), ("memory_rss", _REAL), ("io_rw_counter", _REAL),
        ("io_cycles_counter", _REAL),
    ),
    "folder": (("partition", _TEXT), ("disk_used", _REAL)),
    "computer": (
        ("cpu_num_core", _REAL), ("cpu_frequency", _REAL), ("cpu_type", _TEXT), ("memory_size", _REAL),
        ("memory_type", _TEXT), ("partition_list", _TEXT),
    ),
    "system": (
        ("loadavg", _REAL), ("cpu_percent", _REAL), ("memory_used", _REAL), ("memory_free", _REAL),
        ("net_in_bytes", _REAL), ("net_in_errors", _REAL), ("net_in_dropped", _REAL), ("net_out_bytes", _REAL),
        ("net_out_errors", _REAL), ("net_out_dropped", _REAL),
    ),
    "disk": (("partition", _TEXT), ("used", _TEXT), ("free", _TEXT), ("mountpoint", _TEXT)),
    "temperature": (("sensor_id", _TEXT), ("temperature", _REAL), ("alarm", _INTEGER)),
    "heating": (
        ("model_id", _TEXT), ("sensor_id", _TEXT), ("initial_temperature", _REAL), ("final_temperature", _REAL),
        ("delta_time", _REAL), ("zero_emission_ratio", _REAL),
    ),
}  # fmt: skip
"""The columns of each table; every table ends with ``date`` and ``time`` (UTC, texts) and ``reported`` (0 or 1)."""

_KEPT: Final = "heating"
Value = str | float | int | None
Row = Sequence[Value]


class Collected:
    """An open database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def prepare(self) -> None:
        """Make the tables and indexes that are missing."""
        for table, columns in TABLES.items():
            texts = ", ".join(f"{name} {kind}" for name, kind in columns)
            self._connection.execute(
                f"CREATE TABLE IF NOT EXISTS {table} ({texts}, date text, time text, reported integer NULL DEFAULT 0)"
            )
            self._connection.execute(f"CREATE INDEX IF NOT EXISTS idx_{table}_reported ON {table} (date, reported)")
        self._connection.execute("CREATE INDEX IF NOT EXISTS idx_user ON user (partition, date, time)")
        self._connection.commit()

    def add(self, table: str, rows: Iterable[Row], date: str, time: str) -> None:
        """Add what was measured at this moment."""
        names = ", ".join(name for name, _ in TABLES[table])
        marks = ", ".join("?" * (len(TABLES[table]) + 2))
        self._connection.executemany(
            f"INSERT INTO {table} ({names}, date, time) VALUES ({marks})",  # noqa: S608 - names of the table above
            [(*row, date, time) for row in rows],
        )

    def rows(self, table: str, columns: str, date: str, more: str = "", values: Sequence[Value] = ()) -> list[Row]:
        """Return columns of the rows of a day in their order; ``more`` goes on after the condition on the day."""
        query = f"SELECT {columns} FROM {table} WHERE date = ? {more}"  # noqa: S608 - written by the callers
        return list(self._connection.execute(query, (date, *values)))

    def newest(self, table: str) -> str | None:
        """Return date and time of a table's newest row, None when there is none."""
        query = f"SELECT MAX(date || ' ' || time) FROM {table}"  # noqa: S608 - a name of the table above
        found = self._connection.execute(query).fetchone()[0]
        return None if found is None else str(found)

    def unreported_days(self, table: str, before: str) -> list[str]:
        """Return the days before this one that have rows to be reported."""
        query = f"SELECT DISTINCT date FROM {table} WHERE reported = 0 AND date < ? ORDER BY date"  # noqa: S608
        return [str(row[0]) for row in self._connection.execute(query, (before,))]

    def mark_reported(self, table: str, date: str) -> None:
        """Note that a day's rows are in a dump."""
        self._connection.execute(f"UPDATE {table} SET reported = 1 WHERE date = ?", (date,))  # noqa: S608

    def forget(self, before: str) -> None:
        """Remove reported rows of days before this one; what was found out about heating stays."""
        for table in TABLES:
            if table != _KEPT:
                self._connection.execute(f"DELETE FROM {table} WHERE reported = 1 AND date < ?", (before,))  # noqa: S608
        self._connection.commit()
        self._connection.execute("VACUUM")

    def commit(self) -> None:
        """Make what was added last."""
        self._connection.commit()


@contextmanager
def opened(path: Path) -> Iterator[Collected]:
    """Open the database, and make it if it is missing. Raises sqlite3.Error."""
    connection = sqlite3.connect(path, timeout=60)
    try:
        connection.execute("PRAGMA journal_mode = MEMORY")
        store = Collected(connection)
        store.prepare()
        yield store
        store.commit()
    finally:
        connection.close()
