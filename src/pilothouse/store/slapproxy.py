"""What the server knows, in the tables that ``slapos proxy show`` prints (slapos-master 7.2, 8.2)."""

from typing import NamedTuple

from sqlalchemy import Connection, case, func, literal, select

from pilothouse.store.schema import instances, nodes, partition_addresses, partitions, supplies
from pilothouse.store.statement import Row

_requester = instances.alias("requester")
_root = instances.alias("root")
_host = instances.alias("host")
_TREE = func.coalesce(_root.c.title, "")
_ASKED_BY = case((instances.c.requester_id.is_(None), "user"), else_=_requester.c.place)


class Rows(NamedTuple):
    """A table: its columns, and its rows."""

    columns: tuple[str, ...]
    rows: list[Row]


class Occupied(NamedTuple):
    """A partition that is not free, with what its occupant published (JSON)."""

    partition: str
    title: str
    software_type: str
    connection: str


def computers(connection: Connection) -> Rows:
    """Return the computers."""
    found = select(nodes.c.reference, nodes.c.address, nodes.c.netmask).where(nodes.c.registered.is_not(None))
    return Rows(("reference", "address", "netmask"), _rows(connection, found.order_by(nodes.c.id)))


def software(connection: Connection) -> Rows:
    """Return the releases on computers."""
    found = select(supplies.c.url, nodes.c.reference, supplies.c.state).join(nodes, nodes.c.id == supplies.c.node_id)
    columns = ("url", "computer_reference", "requested_state")
    return Rows(columns, _rows(connection, found.order_by(supplies.c.position)))


def occupied(connection: Connection) -> Rows:
    """Return the partitions that are not free."""
    found = (
        select(
            partitions.c.reference,
            nodes.c.reference,
            literal("busy"),
            instances.c.software_url,
            instances.c.software_type,
            instances.c.title,
            _TREE,
            _ASKED_BY,
            instances.c.state,
            instances.c.timestamp,
        )
        .join(instances, instances.c.id == partitions.c.instance_id)
        .join(nodes, nodes.c.id == partitions.c.node_id)
        .outerjoin(_requester, _requester.c.id == instances.c.requester_id)
        .outerjoin(_root, _root.c.id == instances.c.root_id)
        .order_by(partitions.c.id)
    )
    columns = (
        "reference",
        "computer_reference",
        "slap_state",
        "software_release",
        "software_type",
        "partition_reference",
        "requested_by",
        "requester_id",
        "requested_state",
        "timestamp",
    )
    return Rows(columns, _rows(connection, found))


def slaves(connection: Connection) -> Rows:
    """Return the shared instances."""
    found = (
        select(_TREE + "_" + instances.c.title, nodes.c.reference, _host.c.place, _ASKED_BY)
        .join(_host, _host.c.id == instances.c.host_id)
        .join(nodes, nodes.c.id == _host.c.node_id)
        .outerjoin(_requester, _requester.c.id == instances.c.requester_id)
        .outerjoin(_root, _root.c.id == instances.c.root_id)
        .where(instances.c.shared.is_(True), instances.c.freed_at.is_(None))
        .order_by(instances.c.id)
    )
    return Rows(("reference", "computer_reference", "hosted_by", "requester_id"), _rows(connection, found))


def published(connection: Connection) -> list[Occupied]:
    """Return what occupants published, by partition."""
    found = (
        select(partitions.c.reference, instances.c.title, instances.c.software_type, instances.c.connection)
        .join(instances, instances.c.id == partitions.c.instance_id)
        .where(instances.c.connection != "{}")
        .order_by(partitions.c.id)
    )
    return [Occupied(*row) for row in _rows(connection, found)]


def addresses(connection: Connection) -> list[Row]:
    """Return (partition, address) of what is occupied."""
    found = (
        select(partitions.c.reference, partition_addresses.c.address)
        .join(partition_addresses, partition_addresses.c.partition_id == partitions.c.id)
        .where(partitions.c.instance_id.is_not(None))
        .order_by(partitions.c.id, partition_addresses.c.address)
    )
    return _rows(connection, found)


def _rows(connection: Connection, found: object) -> list[Row]:
    return [tuple(row) for row in connection.execute(found)]  # type: ignore[call-overload]
