"""What the server remembers of itself, by name."""

from sqlalchemy import Connection, select

from pilothouse.store.schema import settings
from pilothouse.store.statement import Statement, given, insertion

_VALUE = Statement(select(settings.c.value).where(settings.c.name == given(settings.c.name)))
_KEEP = Statement(insertion(settings, "name", "value"))


def value(connection: Connection, name: str) -> str | None:
    """Return what is kept under a name."""
    row = _VALUE.first(connection, name=name)
    return None if row is None else str(row[0])


def keep(connection: Connection, name: str, text: str) -> None:
    """Keep a text under a name that has none yet."""
    _KEEP.run(connection, name=name, value=text)
