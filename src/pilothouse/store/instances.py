"""Instances that live, found by whatever they are known by."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, literal_column, select

from pilothouse.store.schema import instances, nodes, partitions
from pilothouse.store.statement import Statement, given


class InstanceRow(NamedTuple):
    """One instance with its root and its node; ``place`` is the partition's reference.

    ``root_id`` is None for a root. A shared instance's ``host_id`` says who hosts it, and it is where its host is.
    """

    id: int
    project: str
    owner: str
    title: str
    shared: bool
    root_id: int | None
    requester_id: int | None
    depth: int
    host_id: int | None
    node_id: int | None
    place: str
    shared_reference: str
    software_url: str
    software_type: str
    parameters: str
    filter: str
    connection: str
    asked: str
    state: str
    timestamp: float
    reported: str
    status_text: str
    root_title: str
    root_state: str
    computer: str


_root = instances.alias("root")
_LIVE = instances.c.freed_at.is_(None)
_OWN = [instances.c[name] for name in InstanceRow._fields[:-3]]
_BASE = select(
    *_OWN,
    func.coalesce(_root.c.title, instances.c.title),
    func.coalesce(_root.c.state, instances.c.state),
    func.coalesce(nodes.c.reference, literal_column("''")),
).select_from(
    instances.outerjoin(_root, _root.c.id == instances.c.root_id).outerjoin(nodes, nodes.c.id == instances.c.node_id)
)
_SHARED = instances.c.shared == given(instances.c.shared)
_TITLE = instances.c.title == given(instances.c.title)


def _locking(base: "Select[Any]") -> Statement:
    return Statement(base.with_for_update(of=instances))


_ROOT = _BASE.where(
    instances.c.project == given(instances.c.project), _TITLE, _SHARED, instances.c.root_id.is_(None), _LIVE
)
_MEMBER = _BASE.where(instances.c.root_id == given(instances.c.root_id), _TITLE, _SHARED, _LIVE)
_FIND_ROOT = Statement(_ROOT)
_LOCK_ROOT = _locking(_ROOT)
_FIND_MEMBER = Statement(_MEMBER)
_LOCK_MEMBER = _locking(_MEMBER)
_BY_ID = _BASE.where(instances.c.id == given(instances.c.id), _LIVE)
_FIND_ID = Statement(_BY_ID)
_LOCK_ID = _locking(_BY_ID)
_home = nodes.alias("home")
_AT = (
    select(*_BASE.selected_columns)
    .select_from(
        partitions.join(_home, _home.c.id == partitions.c.node_id)
        .join(instances, instances.c.id == partitions.c.instance_id)
        .outerjoin(_root, _root.c.id == instances.c.root_id)
        .outerjoin(nodes, nodes.c.id == instances.c.node_id)
    )
    .where(
        _home.c.reference == given(_home.c.reference, "computer"),
        partitions.c.reference == given(partitions.c.reference, "place"),
    )
)
_FIND_AT = Statement(_AT)
_LOCK_AT = _locking(_AT)
_OF_NODE = Statement(_BASE.where(instances.c.node_id == given(instances.c.node_id), _LIVE).order_by(instances.c.id))
_ROOTS_OF_PROJECT = Statement(
    _BASE.where(instances.c.project == given(instances.c.project), instances.c.root_id.is_(None), _LIVE).order_by(
        instances.c.shared, instances.c.id
    )
)
_ROOTS = Statement(_BASE.where(instances.c.root_id.is_(None), _LIVE).order_by(instances.c.shared, instances.c.id))
_HOSTED = Statement(_BASE.where(instances.c.host_id == given(instances.c.host_id), _LIVE).order_by(instances.c.id))
_HOSTED_AS = Statement(
    _BASE.where(
        instances.c.host_id == given(instances.c.host_id),
        instances.c.shared_reference == given(instances.c.shared_reference),
        _LIVE,
    )
    .order_by(instances.c.id)
    .limit(1)
)
_MEMBERS = Statement(_BASE.where(instances.c.root_id == given(instances.c.root_id), _LIVE).order_by(instances.c.id))
_SIZE = Statement(
    select(func.count()).select_from(
        select(instances.c.id)
        .where(instances.c.root_id == given(instances.c.root_id), _LIVE)
        .limit(given(instances.c.depth, "most"))
        .subquery()
    )
)
_HOSTS = (
    _BASE.where(
        instances.c.project == given(instances.c.project),
        instances.c.software_url == given(instances.c.software_url),
        instances.c.shared.is_(False),
        instances.c.state != literal_column("'destroyed'"),
        _LIVE,
    )
    .order_by(instances.c.software_type, instances.c.id)  # as the index has them
    .limit(1)
)
_OF_TYPE = instances.c.software_type == given(instances.c.software_type)
_ON_NODE = instances.c.node_id == given(instances.c.node_id)
_HOST = Statement(_HOSTS)
_HOST_OF_TYPE = Statement(_HOSTS.where(_OF_TYPE))
_HOST_ON_NODE = Statement(_HOSTS.where(_ON_NODE))
_HOST_OF_TYPE_ON_NODE = Statement(_HOSTS.where(_OF_TYPE, _ON_NODE))


def _one(row: tuple[Any, ...] | None) -> InstanceRow | None:
    return InstanceRow(*row) if row else None


def root(connection: Connection, project: str, title: str, *, shared: bool, lock: bool = False) -> InstanceRow | None:
    """Return what a person requested under this title."""
    statement = _LOCK_ROOT if lock else _FIND_ROOT
    return _one(statement.first(connection, project=project, title=title, shared=shared))


def member(connection: Connection, root_id: int, title: str, *, shared: bool, lock: bool = False) -> InstanceRow | None:
    """Return what was requested in a tree under this title."""
    statement = _LOCK_MEMBER if lock else _FIND_MEMBER
    return _one(statement.first(connection, root_id=root_id, title=title, shared=shared))


def by_id(connection: Connection, instance_id: int, *, lock: bool = False) -> InstanceRow | None:
    """Return a live instance by its number."""
    return _one((_LOCK_ID if lock else _FIND_ID).first(connection, id=instance_id))


def present(connection: Connection, instance_id: int) -> InstanceRow:
    """Return an instance that surely lives."""
    return InstanceRow(*_FIND_ID.only(connection, id=instance_id))


def at(connection: Connection, computer: str, place: str, *, lock: bool = False) -> InstanceRow | None:
    """Return what occupies a partition."""
    return _one((_LOCK_AT if lock else _FIND_AT).first(connection, computer=computer, place=place))


def of_node(connection: Connection, node_id: int) -> list[InstanceRow]:
    """Return everything on a node, shared ones too, in order of creation."""
    return [InstanceRow(*row) for row in _OF_NODE.rows(connection, node_id=node_id)]


def roots(connection: Connection, project: str | None) -> list[InstanceRow]:
    """Return what persons requested in a project, None for all: first what is not shared, in order of creation."""
    found = _ROOTS.rows(connection) if project is None else _ROOTS_OF_PROJECT.rows(connection, project=project)
    return [InstanceRow(*row) for row in found]


def hosted(connection: Connection, host_id: int) -> list[InstanceRow]:
    """Return the shared instances of a host in order of creation."""
    return [InstanceRow(*row) for row in _HOSTED.rows(connection, host_id=host_id)]


def hosted_as(connection: Connection, host_id: int, reference: str) -> InstanceRow | None:
    """Return the shared instance that the host knows under this reference."""
    return _one(_HOSTED_AS.first(connection, host_id=host_id, shared_reference=reference))


def members(connection: Connection, root_id: int) -> list[InstanceRow]:
    """Return everything below a root in order of creation."""
    return [InstanceRow(*row) for row in _MEMBERS.rows(connection, root_id=root_id)]


def size(connection: Connection, root_id: int, most: int) -> int:
    """Return how many instances are below a root, ``most`` for as many and more."""
    row = _SIZE.only(connection, root_id=root_id, most=most)
    return int(row[0])


def host(connection: Connection, project: str, url: str, software_type: str, node_id: int | None) -> InstanceRow | None:
    """Return an instance of a release that may host, of a type and on a node where given; of a type, the oldest."""
    values: dict[str, Any] = {"project": project, "software_url": url}
    if software_type:
        values["software_type"] = software_type
    if node_id is not None:
        values["node_id"] = node_id
    by_given = {
        (False, False): _HOST,
        (True, False): _HOST_OF_TYPE,
        (False, True): _HOST_ON_NODE,
        (True, True): _HOST_OF_TYPE_ON_NODE,
    }
    return _one(by_given[bool(software_type), node_id is not None].first(connection, **values))
