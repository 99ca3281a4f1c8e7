"""The inventory, page by page: SlapOS computers, targets of jobs, and the releases on nodes."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, delete, literal_column, select, update

from pilothouse.store.pages import Listing
from pilothouse.store.schema import nodes, supplies
from pilothouse.store.statement import Statement, given, insertion
from pilothouse.store.supplies import SupplyRow


class Node(NamedTuple):
    """One SlapOS computer, with the last word on it."""

    reference: str
    title: str
    owner: str
    project: str
    address: str | None
    registered: float | None
    revision: int
    open: bool
    free: int
    busy: int
    categories: str
    details: str
    status_text: str
    status_at: float | None


class Target(NamedTuple):
    """One machine as jobs reach it."""

    reference: str
    title: str
    owner: str
    project: str
    host: str
    port: int | None
    protocol: str
    username: str


class Supply(NamedTuple):
    """One release on one node."""

    computer: str
    project: str
    url: str
    state: str
    reported: str
    status_text: str
    status_at: float | None


_KEY = (nodes.c.project, nodes.c.reference)
_IN_PROJECT = {"project": nodes.c.project == given(nodes.c.project)}
_IS_COMPUTER = nodes.c.registered.is_not(None)
_IS_TARGET = nodes.c.host != literal_column("''")


def _columns(row: type[Any]) -> list[Any]:
    return [nodes.c[name] for name in row._fields]


def _list(row: type[Any]) -> "Select[Any]":
    return select(*_KEY, *_columns(row))


COMPUTERS: Listing[Node] = Listing(_list(Node).where(_IS_COMPUTER), _KEY, lambda row: Node(*row), _IN_PROJECT)
TARGETS: Listing[Target] = Listing(_list(Target).where(_IS_TARGET), _KEY, lambda row: Target(*row), _IN_PROJECT)
SUPPLIES: Listing[Supply] = Listing(
    select(
        supplies.c.url,
        supplies.c.node_id,
        nodes.c.reference,
        nodes.c.project,
        *(supplies.c[name] for name in Supply._fields[2:]),
    ).select_from(supplies.join(nodes, nodes.c.id == supplies.c.node_id)),
    (supplies.c.url, supplies.c.node_id),
    lambda row: Supply(*row),
    {"url": supplies.c.url == given(supplies.c.url)},
)
_NODE = Statement(select(*_columns(Node)).where(nodes.c.reference == given(nodes.c.reference), _IS_COMPUTER))
_TARGET = Statement(select(*_columns(Target)).where(nodes.c.reference == given(nodes.c.reference)))
_REACHED = ("title", "host", "port", "protocol", "username")
_TITLED = Statement(
    select(nodes.c.reference).where(
        nodes.c.project == given(nodes.c.project),
        nodes.c.owner == given(nodes.c.owner),
        nodes.c.title == given(nodes.c.title),
        nodes.c.title != literal_column("''"),
    )
)
_ADD = Statement(insertion(nodes, "reference", "owner", "project", "created", *_REACHED))
_REACH = Statement(
    update(nodes)
    .where(nodes.c.reference == given(nodes.c.reference, "key"))
    .values({name: given(nodes.c[name], f"new_{name}") for name in _REACHED})
)
_DELETE = Statement(
    delete(nodes).where(nodes.c.reference == given(nodes.c.reference, "key"), nodes.c.registered.is_(None))
)


def node(connection: Connection, reference: str) -> Node | None:
    """Return a SlapOS computer."""
    row = _NODE.first(connection, reference=reference)
    return Node(*row) if row else None


def target(connection: Connection, reference: str) -> Target | None:
    """Return a machine as jobs reach it; its host is empty when it is a SlapOS computer only."""
    row = _TARGET.first(connection, reference=reference)
    return Target(*row) if row else None


def titled(connection: Connection, made: Target) -> str | None:
    """Return which machine of this project and owner has the target's title."""
    row = _TITLED.first(connection, project=made.project, owner=made.owner, title=made.title)
    return str(row[0]) if row else None


def add_target(connection: Connection, made: Target, now: float) -> None:
    """Add a machine that is a target of jobs."""
    _ADD.run(connection, created=now, **made._asdict())


def reach(connection: Connection, made: Target) -> None:
    """Set how jobs reach a machine that is there."""
    _REACH.run(connection, key=made.reference, **{f"new_{name}": getattr(made, name) for name in _REACHED})


def remove_target(connection: Connection, reference: str) -> bool:
    """Delete a machine that is a target only; False when it is a SlapOS computer too."""
    return _DELETE.run(connection, key=reference) == 1


def supply_of(row: SupplyRow, computer: str, project: str) -> Supply:
    """Return a release of a known node like those of a page."""
    return Supply(computer, project, row.url, row.state, row.reported, row.status_text, row.status_at)
