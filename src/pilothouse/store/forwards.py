"""What other masters were asked for on behalf of instances here."""

from sqlalchemy import Connection, delete, select

from pilothouse.store.schema import forwards
from pilothouse.store.statement import Statement, given, insertion

_KEY = (forwards.c.title == given(forwards.c.title), forwards.c.master_url == given(forwards.c.master_url))
_FIND = Statement(select(forwards.c.title).where(*_KEY))
_ADD = Statement(insertion(forwards, "title", "master_url"))
_REMOVE = Statement(delete(forwards).where(*_KEY))
_ALL = Statement(select(forwards.c.title, forwards.c.master_url).order_by(forwards.c.title, forwards.c.master_url))


def add(connection: Connection, title: str, master_url: str) -> None:
    """Remember one; harmless when it is known."""
    if _FIND.first(connection, title=title, master_url=master_url) is None:
        _ADD.run(connection, title=title, master_url=master_url)


def remove(connection: Connection, title: str, master_url: str) -> None:
    """Forget one."""
    _REMOVE.run(connection, title=title, master_url=master_url)


def listed(connection: Connection) -> list[tuple[str, str]]:
    """Return all titles with their masters."""
    return [(title, url) for title, url in _ALL.rows(connection)]
