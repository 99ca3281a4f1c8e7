"""Instances that live, page by page."""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, literal_column, select

from pilothouse.store.pages import Listing
from pilothouse.store.schema import instances, nodes
from pilothouse.store.statement import Statement, given


class Entry(NamedTuple):
    """One instance as lists show it."""

    id: int
    project: str
    owner: str
    title: str
    shared: bool
    root_id: int | None
    host_id: int | None
    place: str
    software_url: str
    software_type: str
    asked: str
    state: str
    reported: str
    status_text: str
    status_at: float | None
    timestamp: float
    created: float
    computer: str


_LIVE = instances.c.freed_at.is_(None)
_OWN = [instances.c[name] for name in Entry._fields[:-1]]
_COLUMNS = [*_OWN, func.coalesce(nodes.c.reference, literal_column("''"))]
_FROM = instances.outerjoin(nodes, nodes.c.id == instances.c.node_id)
_ONLY: dict[str, Any] = {"project": instances.c.project == given(instances.c.project)}


def _listing(*conditions: ColumnElement[bool], key: tuple[ColumnElement[Any], ...]) -> Listing[Entry]:
    base = select(*key, *_COLUMNS).select_from(_FROM).where(_LIVE, *conditions)
    return Listing(base, key, lambda row: Entry(*row), _ONLY)


ALL = _listing(key=(instances.c.project, instances.c.id))
ON_NODE = _listing(instances.c.node_id == given(instances.c.node_id), key=(instances.c.id,))
OF_TREE = _listing(instances.c.root_id == given(instances.c.root_id), key=(instances.c.id,))
HOSTED = _listing(instances.c.host_id == given(instances.c.host_id), key=(instances.c.shared_reference, instances.c.id))
_ONE = Statement(select(*_COLUMNS).select_from(_FROM).where(instances.c.id == given(instances.c.id)))


def entry(connection: Connection, instance_id: int) -> Entry | None:
    """Return one instance, also one that lives no longer."""
    row = _ONE.first(connection, id=instance_id)
    return Entry(*row) if row else None
