"""Which releases are asked to be on which nodes, in order."""

from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select, update

from pilothouse.store.schema import supplies
from pilothouse.store.statement import Statement, given, insertion


class SupplyRow(NamedTuple):
    """One release on one node."""

    id: int
    node_id: int
    url: str
    state: str
    status_by: str
    status_text: str
    reported: str
    status_at: float | None
    status_since: float | None


_COLUMNS = [supplies.c[name] for name in SupplyRow._fields]
_END = (
    select(func.coalesce(func.max(supplies.c.position), 0) + 1)
    .where(supplies.c.node_id == given(supplies.c.node_id))
    .scalar_subquery()
)
_LISTED = Statement(
    select(*_COLUMNS).where(supplies.c.node_id == given(supplies.c.node_id)).order_by(supplies.c.position)
)
_FIND = Statement(
    select(*_COLUMNS).where(supplies.c.node_id == given(supplies.c.node_id), supplies.c.url == given(supplies.c.url))
)
_ADD = Statement(insertion(supplies, "node_id", "url", "state").values(position=_END))
_MOVE = Statement(
    update(supplies)
    .where(supplies.c.id == given(supplies.c.id, "key"))
    .values(state=given(supplies.c.state, "new_state"), position=_END)
)
_DELETE = Statement(delete(supplies).where(supplies.c.id == given(supplies.c.id, "key")))


def listed(connection: Connection, node_id: int) -> list[SupplyRow]:
    """Return the releases of a node."""
    return [SupplyRow(*row) for row in _LISTED.rows(connection, node_id=node_id)]


def find(connection: Connection, node_id: int, url: str) -> SupplyRow | None:
    """Return one release of a node."""
    row = _FIND.first(connection, node_id=node_id, url=url)
    return SupplyRow(*row) if row else None


def add(connection: Connection, node_id: int, url: str, state: str) -> None:
    """Put a release at the end of the list."""
    _ADD.run(connection, node_id=node_id, url=url, state=state)


def move(connection: Connection, row: SupplyRow, state: str) -> None:
    """Ask for another state, and move the release to the end of the list."""
    _MOVE.run(connection, key=row.id, node_id=row.node_id, new_state=state)


def remove(connection: Connection, supply_id: int) -> None:
    """Delete a release from its node."""
    _DELETE.run(connection, key=supply_id)
