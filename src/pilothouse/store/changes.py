"""What changed, in an order that every server sees alike: each node, instance and release has its latest change.

Triggers of the database keep the table, so that no writer can forget it, whichever process it is in. A further change
of the same thing moves its row to the end: the table is never longer than what there is, and whoever comes back after
a while reads each thing once, as it is now.

On PostgreSQL a number is taken before its transaction ends, so a lower one may become visible after a higher one.
The order is therefore by transaction first, and only transactions older than all that still run are read.
"""

from typing import Literal, NamedTuple

from sqlalchemy import Connection, bindparam, select, text, tuple_
from sqlalchemy.types import Integer

from pilothouse.store.columns import Id
from pilothouse.store.schema import changes
from pilothouse.store.statement import Statement

ChangeKind = Literal["node", "instance", "supply"]


class Cursor(NamedTuple):
    """A place in the order: everything up to it is known."""

    xid: int = 0
    position: int = 0

    def __str__(self) -> str:
        """Return it as clients hand it back."""
        return f"{self.xid}-{self.position}"


class Change(NamedTuple):
    """The latest change of one thing.

    ``subject`` is the node's reference, the instance's guid, or the release's URL; ``computer`` is the node it is, or
    is on. ``revision`` is that of a node's document. ``gone``: it is freed, or deleted.
    """

    kind: ChangeKind
    xid: int
    position: int
    project: str
    computer: str
    subject: str
    state: str
    reported: str
    revision: int
    gone: bool

    @property
    def cursor(self) -> Cursor:
        """Return its place in the order."""
        return Cursor(self.xid, self.position)


_AFTER = (
    select(*(changes.c[name] for name in Change._fields))
    .where(
        tuple_(changes.c.xid, changes.c.position) > tuple_(bindparam("xid", type_=Id), bindparam("position", type_=Id)),
        changes.c.xid < bindparam("limit", type_=Id),
    )
    .order_by(changes.c.xid, changes.c.position)
    .limit(bindparam("count", type_=Integer))
)
_NEXT = Statement(_AFTER)
_NEXT_OF_NODE = Statement(_AFTER.where(changes.c.computer == bindparam("computer", type_=changes.c.computer.type)))
_NEXT_OF_PROJECT = Statement(_AFTER.where(changes.c.project == bindparam("project", type_=changes.c.project.type)))
_LAST = Statement(
    select(changes.c.xid, changes.c.position)
    .where(changes.c.xid < bindparam("limit", type_=Id))
    .order_by(changes.c.xid.desc(), changes.c.position.desc())
    .limit(1)
)
_SETTLED = Statement(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))


def cursor(text_: str) -> Cursor | None:
    """Return the place that a client handed back, None for a text that is no such place."""
    xid, _, position = text_.partition("-")
    if not all(part.isascii() and part.isdigit() and len(part) < len(str(2**63)) for part in (xid, position)):
        return None
    return Cursor(int(xid), int(position))


def last(connection: Connection) -> Cursor:
    """Return the place of the newest change that is settled."""
    row = _LAST.first(connection, limit=_limit(connection))
    return Cursor(*row) if row else Cursor()


def after(
    connection: Connection, place: Cursor, count: int, *, computer: str | None = None, project: str | None = None
) -> list[Change]:
    """Return up to ``count`` changes after a place, of one node or one project where that is given."""
    values = {"xid": place.xid, "position": place.position, "limit": _limit(connection), "count": count}
    if computer is not None:
        rows = _NEXT_OF_NODE.rows(connection, **values, computer=computer)
    elif project is not None:
        rows = _NEXT_OF_PROJECT.rows(connection, **values, project=project)
    else:
        rows = _NEXT.rows(connection, **values)
    return [Change(*row) for row in rows]


def _limit(connection: Connection) -> int:
    if connection.dialect.name != "postgresql":
        return 1  # one writer: every number is settled, and of the transaction 0
    return int(_SETTLED.only(connection)[0])
