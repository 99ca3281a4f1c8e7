"""The inventory: every machine, whether it is cut into partitions or only a target of jobs."""

from typing import NamedTuple

from sqlalchemy import Connection, bindparam, literal_column, select, update
from sqlalchemy.types import Integer

from pilothouse.store.schema import nodes
from pilothouse.store.statement import Statement, given, insertion


class NodeRow(NamedTuple):
    """One machine; ``registered`` is None for what is only a target of jobs."""

    id: int
    reference: str
    title: str
    owner: str
    project: str
    address: str | None
    netmask: str | None
    registered: float | None
    revision: int
    open: bool
    free: int
    busy: int
    details: str
    categories: str


_COLUMNS = [nodes.c[name] for name in NodeRow._fields]
_BY_REFERENCE = select(*_COLUMNS).where(nodes.c.reference == given(nodes.c.reference))
_FIND = Statement(_BY_REFERENCE)
_LOCK = Statement(_BY_REFERENCE.with_for_update())
_LOCK_ID = Statement(select(*_COLUMNS).where(nodes.c.id == given(nodes.c.id)).with_for_update())
_REVISION = Statement(select(nodes.c.revision).where(nodes.c.reference == given(nodes.c.reference)))
_TITLED = Statement(
    select(*_COLUMNS).where(
        nodes.c.project == given(nodes.c.project),
        nodes.c.owner == given(nodes.c.owner),
        nodes.c.title == given(nodes.c.title),
        nodes.c.title != literal_column("''"),  # as the index has it
        nodes.c.registered.is_not(None),
    )
)
_ALL = Statement(select(*_COLUMNS).where(nodes.c.registered.is_not(None)).order_by(nodes.c.reference))
_OF_PROJECT = Statement(
    select(*_COLUMNS)
    .where(nodes.c.project == given(nodes.c.project), nodes.c.registered.is_not(None))
    .order_by(nodes.c.reference)
)
_CREATE = Statement(
    insertion(nodes, "reference", "title", "owner", "project", "registered", "created").returning(nodes.c.id)
)
_NAME = Statement(
    update(nodes)
    .where(nodes.c.id == given(nodes.c.id, "key"))
    .values(reference=given(nodes.c.reference, "new_reference"))
)
_DESCRIBE = Statement(
    update(nodes)
    .where(nodes.c.id == given(nodes.c.id, "key"))
    .values(
        address=given(nodes.c.address, "new_address"),
        netmask=given(nodes.c.netmask, "new_netmask"),
        details=given(nodes.c.details, "new_details"),
        registered=given(nodes.c.registered, "new_registered"),
        free=given(nodes.c.free, "new_free"),
        busy=given(nodes.c.busy, "new_busy"),
        revision=nodes.c.revision + 1,
    )
)
_TOUCH = Statement(update(nodes).where(nodes.c.id == given(nodes.c.id, "key")).values(revision=nodes.c.revision + 1))
_COUNT = Statement(
    update(nodes)
    .where(nodes.c.id == given(nodes.c.id, "key"))
    .values(
        free=nodes.c.free + bindparam("more_free", type_=Integer),
        busy=nodes.c.busy + bindparam("more_busy", type_=Integer),
        revision=nodes.c.revision + 1,
    )
)

_ENLIST = Statement(
    update(nodes)
    .where(nodes.c.id == given(nodes.c.id, "key"))
    .values(registered=given(nodes.c.registered, "now"), revision=nodes.c.revision + 1)
)
_CATEGORISE = Statement(
    update(nodes)
    .where(nodes.c.id == given(nodes.c.id, "key"))
    .values(categories=given(nodes.c.categories, "new_categories"), open=given(nodes.c.open, "new_open"))
)


def find(connection: Connection, reference: str) -> NodeRow | None:
    """Return the machine of this name."""
    row = _FIND.first(connection, reference=reference)
    return NodeRow(*row) if row else None


def present(connection: Connection, reference: str) -> NodeRow:
    """Return a machine that is surely there, locked."""
    return NodeRow(*_LOCK.only(connection, reference=reference))


def lock(connection: Connection, reference: str) -> NodeRow | None:
    """Return the same, and let no other transaction change it before this one ends."""
    row = _LOCK.first(connection, reference=reference)
    return NodeRow(*row) if row else None


def lock_id(connection: Connection, node_id: int) -> NodeRow | None:
    """Do the same by the row's number."""
    row = _LOCK_ID.first(connection, id=node_id)
    return NodeRow(*row) if row else None


def revision(connection: Connection, reference: str) -> int | None:
    """Return the number that moves with every change of what the node is told."""
    row = _REVISION.first(connection, reference=reference)
    return int(row[0]) if row else None


def titled(connection: Connection, project: str, owner: str, title: str) -> NodeRow | None:
    """Return the owner's node of this title."""
    row = _TITLED.first(connection, project=project, owner=owner, title=title)
    return NodeRow(*row) if row else None


def listed(connection: Connection, project: str | None) -> list[NodeRow]:
    """Return the SlapOS computers of a project, None for all, by reference."""
    found = _ALL.rows(connection) if project is None else _OF_PROJECT.rows(connection, project=project)
    return [NodeRow(*row) for row in found]


def create(connection: Connection, reference: str, title: str, owner: str, project: str, now: float) -> int:
    """Add a SlapOS computer; returns its number."""
    row = _CREATE.only(
        connection, reference=reference, title=title, owner=owner, project=project, registered=now, created=now
    )
    return int(row[0])


def name(connection: Connection, node_id: int, reference: str) -> None:
    """Give a node that was just created its name."""
    _NAME.run(connection, key=node_id, new_reference=reference)


def describe(
    connection: Connection,
    node_id: int,
    *,
    address: str | None,
    netmask: str | None,
    details: str,
    registered: float,
    free: int,
    busy: int,
) -> None:
    """Set what the node said of itself; its revision moves."""
    _DESCRIBE.run(
        connection,
        key=node_id,
        new_address=address,
        new_netmask=netmask,
        new_details=details,
        new_registered=registered,
        new_free=free,
        new_busy=busy,
    )


def touch(connection: Connection, *node_ids: int | None) -> None:
    """Move the revision: what the node is told has changed."""
    for node_id in sorted({number for number in node_ids if number is not None}):
        _TOUCH.run(connection, key=node_id)


def count(connection: Connection, node_id: int, *, free: int, busy: int) -> None:
    """Change the numbers of partitions by so many; the revision moves."""
    _COUNT.run(connection, key=node_id, more_free=free, more_busy=busy)


def enlist(connection: Connection, node_id: int, now: float) -> None:
    """Make a target of jobs a SlapOS computer as well."""
    _ENLIST.run(connection, key=node_id, now=now)


def categorise(connection: Connection, node_id: int, categories: str, *, is_open: bool) -> None:
    """Set what the node is said to be, and whether it takes further instances."""
    _CATEGORISE.run(connection, key=node_id, new_categories=categories, new_open=is_open)
