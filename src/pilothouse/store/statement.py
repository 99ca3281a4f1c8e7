"""One statement, compiled once for each kind of database and then handed to the driver as it is.

SQLAlchemy composes the text; running it through SQLAlchemy each time would cost several times what the
database needs for a row found by its key. All columns are numbers, texts and truths, which drivers know.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import ClauseElement, Column, Connection, Dialect, Table, bindparam
from sqlalchemy import insert as _insert
from sqlalchemy.sql.dml import Insert

Row = tuple[Any, ...]


class _Compiled(NamedTuple):
    text: str
    order: tuple[str, ...] | None  # of the values, where the driver takes them by position
    defaults: dict[str, Any]


class Statement:
    """A statement with named values; every name is given at each call."""

    def __init__(self, construct: ClauseElement) -> None:
        self.construct = construct
        self._compiled: dict[str, _Compiled] = {}

    def rows(self, connection: Connection, **values: Any) -> list[Row]:
        """Return what it finds."""
        return self._cursor(connection, values).fetchall()  # type: ignore[no-any-return]

    def first(self, connection: Connection, **values: Any) -> Row | None:
        """Return the first row that it finds."""
        return self._cursor(connection, values).fetchone()  # type: ignore[no-any-return]

    def only(self, connection: Connection, **values: Any) -> Row:
        """Return the one row that is surely there."""
        row = self.first(connection, **values)
        if row is None:
            raise LookupError(f"no row where one must be: {self.construct}")
        return row

    def run(self, connection: Connection, **values: Any) -> int:
        """Carry it out; returns the number of rows changed."""
        return self._cursor(connection, values).rowcount  # type: ignore[no-any-return]

    def many(self, connection: Connection, values: Iterable[dict[str, Any]]) -> None:
        """Carry it out for each of ``values``."""
        compiled = self._for(connection.dialect)
        cursor = connection.connection.cursor()
        cursor.executemany(compiled.text, [_ordered(compiled, each) for each in values])
        cursor.close()

    def text(self, dialect: Dialect) -> str:
        """Return what is sent to the database."""
        return self._for(dialect).text

    def _cursor(self, connection: Connection, values: dict[str, Any]) -> Any:
        compiled = self._for(connection.dialect)
        raw: Any = connection.connection.dbapi_connection
        return raw.execute(compiled.text, _ordered(compiled, values))

    def _for(self, dialect: Dialect) -> _Compiled:
        found = self._compiled.get(dialect.name)
        if found is None:
            compiled = self.construct.compile(dialect=dialect)
            order = tuple(compiled.positiontup) if compiled.positional else None  # type: ignore[attr-defined]
            found = self._compiled[dialect.name] = _Compiled(str(compiled), order, dict(compiled.params))
        return found


def _ordered(compiled: _Compiled, values: dict[str, Any]) -> Any:
    if compiled.defaults.keys() != values.keys():
        values = {**compiled.defaults, **values}
    return values if compiled.order is None else [values[name] for name in compiled.order]


def insertion(table: Table, *names: str) -> Insert:
    """Return the insertion of a row of which these columns are given."""
    return _insert(table).values({name: bindparam(name, type_=table.c[name].type) for name in names})


def given(column: Column[Any], name: str | None = None) -> Any:
    """Return a value of the column's type that is given at each call, by default under the column's name."""
    return bindparam(name or column.name, type_=column.type)
