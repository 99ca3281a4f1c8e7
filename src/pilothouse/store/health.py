"""Whether the database can be worked with: its tables are there, and those of this release."""

from sqlalchemy import Connection, column, select, table

from pilothouse.store.migrations import HEAD
from pilothouse.store.statement import Statement

_REVISION = Statement(select(column("version_num")).select_from(table("alembic_version")).limit(1))


def is_ready(connection: Connection) -> bool:
    """Whether the tables can be read and are those that this release works with; asks the database itself."""
    row = _REVISION.first(connection)
    return row is not None and row[0] == HEAD
