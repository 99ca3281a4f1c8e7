"""The slots of nodes: what is free, what each holds, and its addresses."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, literal_column, select, update

from pilothouse.services.node import Address
from pilothouse.store.schema import nodes, partition_addresses, partitions
from pilothouse.store.statement import Statement, given, insertion


class PartitionRow(NamedTuple):
    """One slot; ``capabilities`` is a JSON list, and what has some is given only to who asks for one of them."""

    id: int
    node_id: int
    reference: str
    position: int
    capabilities: str
    instance_id: int | None


_COLUMNS = [partitions.c[name] for name in PartitionRow._fields]
_ORDINARY: ColumnElement[str] = literal_column("'[]'")
_OF_NODE = Statement(
    select(*_COLUMNS).where(partitions.c.node_id == given(partitions.c.node_id)).order_by(partitions.c.position)
)
_FIND = Statement(
    select(*_COLUMNS, nodes.c.project)
    .select_from(partitions.join(nodes, partitions.c.node_id == nodes.c.id))
    .where(
        nodes.c.reference == given(nodes.c.reference, "computer"),
        partitions.c.reference == given(partitions.c.reference),
    )
)
_FREE = Statement(
    select(*_COLUMNS)
    .where(
        partitions.c.node_id == given(partitions.c.node_id),
        partitions.c.instance_id.is_(None),
        partitions.c.capabilities == _ORDINARY,
    )
    .order_by(partitions.c.position)
    .limit(1)
)
_CAPABLE = Statement(
    select(*_COLUMNS)
    .where(
        partitions.c.node_id == given(partitions.c.node_id),
        partitions.c.instance_id.is_(None),
        partitions.c.capabilities != _ORDINARY,
    )
    .order_by(partitions.c.position)
)
_OCCUPY = Statement(
    update(partitions)
    .where(partitions.c.id == given(partitions.c.id, "key"), partitions.c.instance_id.is_(None))
    .values(instance_id=given(partitions.c.instance_id, "occupant"))
)
_FREE_OF = Statement(
    update(partitions)
    .where(partitions.c.instance_id == given(partitions.c.instance_id, "occupant"))
    .values(instance_id=None)
)
_CREATE = Statement(
    insertion(partitions, "node_id", "reference", "position", "capabilities").returning(partitions.c.id)
)
_PLACE = Statement(
    update(partitions)
    .where(partitions.c.id == given(partitions.c.id, "key"))
    .values(
        position=given(partitions.c.position, "new_position"),
        capabilities=given(partitions.c.capabilities, "new_capabilities"),
    )
)
_DELETE = Statement(delete(partitions).where(partitions.c.id == given(partitions.c.id, "key")))

_ADDRESS_COLUMNS = [partition_addresses.c[name] for name in ("interface", "address", "netmask", "gateway", "network")]
_ADDRESSES = Statement(
    select(*_ADDRESS_COLUMNS)
    .select_from(partition_addresses.join(partitions, partition_addresses.c.partition_id == partitions.c.id))
    .where(partitions.c.instance_id == given(partitions.c.instance_id, "occupant"))
    .order_by(partition_addresses.c.position)
)
_ADDRESSES_OF_PARTITION = Statement(
    select(*_ADDRESS_COLUMNS)
    .where(partition_addresses.c.partition_id == given(partition_addresses.c.partition_id))
    .order_by(partition_addresses.c.position)
)
_ADDRESSES_OF_NODE = Statement(
    select(partition_addresses.c.partition_id, *_ADDRESS_COLUMNS)
    .select_from(partition_addresses.join(partitions, partition_addresses.c.partition_id == partitions.c.id))
    .where(partitions.c.node_id == given(partitions.c.node_id))
    .order_by(partition_addresses.c.partition_id, partition_addresses.c.position)
)
_ADD_ADDRESS = Statement(
    insertion(partition_addresses, "partition_id", "position", "interface", "address", "netmask", "gateway", "network")
)
_DROP_ADDRESSES = Statement(
    delete(partition_addresses).where(partition_addresses.c.partition_id == given(partition_addresses.c.partition_id))
)


def of_node(connection: Connection, node_id: int) -> list[PartitionRow]:
    """Return a node's slots in its order."""
    return [PartitionRow(*row) for row in _OF_NODE.rows(connection, node_id=node_id)]


def find(connection: Connection, computer: str, reference: str) -> tuple[PartitionRow, str] | None:
    """Return one slot, and the project of its node."""
    row = _FIND.first(connection, computer=computer, reference=reference)
    return (PartitionRow(*row[:-1]), row[-1]) if row else None


def first_free(connection: Connection, node_id: int) -> PartitionRow | None:
    """Return the first free slot that has no capability."""
    row = _FREE.first(connection, node_id=node_id)
    return PartitionRow(*row) if row else None


def free_capable(connection: Connection, node_id: int) -> list[PartitionRow]:
    """Return the free slots with capabilities."""
    return [PartitionRow(*row) for row in _CAPABLE.rows(connection, node_id=node_id)]


def occupy(connection: Connection, partition_id: int, instance_id: int) -> bool:
    """Put an instance into a slot; False when somebody else was faster."""
    return _OCCUPY.run(connection, key=partition_id, occupant=instance_id) == 1


def vacate(connection: Connection, instance_id: int) -> bool:
    """Take an instance out of its slot; False when it was in none."""
    return _FREE_OF.run(connection, occupant=instance_id) == 1


def create(connection: Connection, node_id: int, reference: str, position: int, capabilities: str) -> int:
    """Add a free slot; returns its number."""
    row = _CREATE.only(connection, node_id=node_id, reference=reference, position=position, capabilities=capabilities)
    return int(row[0])


def place(connection: Connection, partition_id: int, position: int, capabilities: str) -> None:
    """Set a slot's place in the order and what it can do."""
    _PLACE.run(connection, key=partition_id, new_position=position, new_capabilities=capabilities)


def remove(connection: Connection, partition_id: int) -> None:
    """Delete a slot with its addresses."""
    _DELETE.run(connection, key=partition_id)


def addresses(connection: Connection, instance_id: int) -> tuple[Address, ...]:
    """Return the addresses of the slot that an instance occupies."""
    return tuple(_address(row) for row in _ADDRESSES.rows(connection, occupant=instance_id))


def addresses_of(connection: Connection, partition_id: int) -> tuple[Address, ...]:
    """Return the addresses of a slot."""
    return tuple(_address(row) for row in _ADDRESSES_OF_PARTITION.rows(connection, partition_id=partition_id))


def addresses_of_node(connection: Connection, node_id: int) -> dict[int, tuple[Address, ...]]:
    """Return the addresses of all slots of a node, by the slots' numbers."""
    found: dict[int, list[Address]] = {}
    for partition_id, *row in _ADDRESSES_OF_NODE.rows(connection, node_id=node_id):
        found.setdefault(partition_id, []).append(_address(row))
    return {partition_id: tuple(those) for partition_id, those in found.items()}


def set_addresses(connection: Connection, partition_id: int, those: Iterable[Address]) -> None:
    """Replace the addresses of a slot."""
    _DROP_ADDRESSES.run(connection, partition_id=partition_id)
    rows: list[dict[str, Any]] = [
        {
            "partition_id": partition_id,
            "position": position,
            "interface": each.interface,
            "address": each.address,
            "netmask": each.netmask,
            "gateway": each.gateway,
            "network": each.network,
        }
        for position, each in enumerate(those)
    ]
    if rows:
        _ADD_ADDRESS.many(connection, rows)


def _address(row: Any) -> Address:
    interface, address, netmask, gateway, network = row
    return Address(interface=interface, address=address, netmask=netmask, gateway=gateway, network=network)
