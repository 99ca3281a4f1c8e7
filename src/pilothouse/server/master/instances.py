"""Instances: requested, found, reported on, renamed, freed."""

from sqlalchemy import Connection

from pilothouse.identity.caller import Caller, PartitionKey
from pilothouse.server.master import access, documents
from pilothouse.server.master.errors import NotFoundError
from pilothouse.server.master.publishing import publish, publish_for, shared_at
from pilothouse.server.master.renaming import rename
from pilothouse.server.master.reporting import bang, report
from pilothouse.server.master.requesting import request
from pilothouse.services.instance import InstanceDocument, InstanceEntry, InstanceKey, guid_of, id_of
from pilothouse.services.node import Status
from pilothouse.store import instances, messages, partitions
from pilothouse.store.instances import InstanceRow

__all__ = [
    "addresses_of_tree",
    "at",
    "bang",
    "by_guid",
    "by_key",
    "hosted_by",
    "on_node",
    "publish",
    "publish_for",
    "rename",
    "report",
    "request",
    "root",
    "roots",
    "shared_at",
    "status",
]


def at(connection: Connection, caller: Caller, place: PartitionKey) -> InstanceDocument:
    """Return what occupies a partition. Raises NotFoundError when it is free or unknown."""
    return documents.instance(connection, access.occupant(connection, caller, place, "instance.read"))


def by_key(connection: Connection, caller: Caller, key: InstanceKey) -> InstanceDocument:
    """Return the instance that JSON-RPC names so. Raises NotFoundError."""
    return documents.instance(connection, access.named(connection, caller, key, "instance.read"))


def by_guid(connection: Connection, caller: Caller, guid: str) -> InstanceDocument:
    """Return the instance of our own name for it. Raises NotFoundError."""
    number = id_of(guid)
    row = None if number is None else instances.by_id(connection, number)
    if row is None or not access.instance(connection, caller, row, "instance.read", change=False):
        raise NotFoundError(f"No software instance {guid} found.")
    return documents.instance(connection, row)


def root(connection: Connection, caller: Caller, title: str) -> InstanceDocument:
    """Return a root, or a shared instance that a person asked for. Raises NotFoundError."""
    for shared in (False, True):
        row = instances.root(connection, caller.project, title, shared=shared)
        if row is not None and access.instance(connection, caller, row, "instance.read", change=False):
            return documents.instance(connection, row)
    raise NotFoundError(f"No instance tree {title} found.")


def roots(connection: Connection, caller: Caller) -> list[InstanceEntry]:
    """Return what persons asked for: roots first, then shared ones, each in order of creation."""
    if caller.kind in {"node", "instance"} or not access.sees(caller, caller.project):
        return []
    return [documents.entry(row) for row in instances.roots(connection, access.project_of(caller))]


def on_node(connection: Connection, caller: Caller, computer: str) -> list[InstanceEntry]:
    """Return the occupants of a node. Raises NotFoundError for an unknown node."""
    node = access.node(connection, caller, computer, "node.read")
    order = {slot.instance_id: number for number, slot in enumerate(partitions.of_node(connection, node.id))}
    held = [row for row in instances.of_node(connection, node.id) if row.id in order]
    return [documents.entry(row) for row in sorted(held, key=lambda row: order[row.id])]


def hosted_by(connection: Connection, caller: Caller, key: InstanceKey) -> list[InstanceEntry]:
    """Return the shared instances that an instance hosts. Raises NotFoundError."""
    host = access.named(connection, caller, key, "instance.read")
    return [documents.entry(row) for row in instances.hosted(connection, host.id)]


def status(connection: Connection, caller: Caller, place: PartitionKey) -> Status:
    """Return the last word on an occupant (15.3)."""
    row = access.occupant(connection, caller, place, "instance.read")
    return documents.status(guid_of(row.id), messages.last(connection, "instance", row.id), row.state)


def addresses_of_tree(connection: Connection, caller: Caller, place: PartitionKey) -> list[tuple[str, str]]:
    """Return (interface, address) of all instances of the tree; none when the caller is to be destroyed (15.3)."""
    row = access.occupant(connection, caller, place, "instance.read")
    if row.state == "destroyed":
        return []
    found: list[tuple[str, str]] = []
    for each in _tree(connection, row):
        addresses = partitions.addresses(connection, each.host_id or each.id)
        found += [(address.interface, address.address) for address in addresses]
    return found


def _tree(connection: Connection, row: InstanceRow) -> list[InstanceRow]:
    root_id = row.root_id or row.id
    top = instances.by_id(connection, root_id)
    return ([top] if top else []) + instances.members(connection, root_id)
