"""Nodes: what they say of themselves, what they are told, and who may see them."""

from collections.abc import Mapping

from sqlalchemy import Connection

from pilothouse.identity.caller import Caller, PartitionKey
from pilothouse.server.master import access, documents
from pilothouse.server.master.errors import InvalidRequestError, NotFoundError
from pilothouse.server.master.formatting import format_node, register
from pilothouse.services.node import NodeDocument, NodeEntry, Partition, Status
from pilothouse.services.updates import moved
from pilothouse.services.wording import bang_status
from pilothouse.store import audit, instances, messages, nodes, partitions, supplies
from pilothouse.store import instance_changes as changes
from pilothouse.store.instances import InstanceRow

__all__ = [
    "bang",
    "describe",
    "document",
    "find",
    "format_node",
    "listed",
    "partition",
    "register",
    "request_node",
    "revision",
    "seen",
    "status",
]


def document(connection: Connection, caller: Caller, computer: str) -> NodeDocument:
    """Return the whole node (2.1). Raises NotFoundError for one that was never formatted nor registered."""
    row = access.node(connection, caller, computer, "node.read")
    addresses = partitions.addresses_of_node(connection, row.id)
    held: dict[int, InstanceRow] = {}
    hosted: dict[int, list[InstanceRow]] = {}
    for each in instances.of_node(connection, row.id):
        if each.host_id is None:
            held[each.id] = each
        else:
            hosted.setdefault(each.host_id, []).append(each)
    return NodeDocument(
        computer=row.reference,
        title=row.title or row.reference,
        partitions=tuple(
            documents.partition(
                row.reference,
                slot,
                addresses.get(slot.id, ()),
                held.get(slot.instance_id or 0),
                hosted.get(slot.instance_id or 0, []),
            )
            for slot in partitions.of_node(connection, row.id)
        ),
        software=tuple(documents.software(row.reference, each) for each in supplies.listed(connection, row.id)),
    )


def revision(connection: Connection, computer: str) -> int | None:
    """Return the number that moves with every change of ``document``, None for an unknown node."""
    return nodes.revision(connection, computer)


def partition(connection: Connection, caller: Caller, computer: str, reference: str) -> Partition:
    """Return one partition (2.2); an instance reads those of its tree. Raises NotFoundError, ForbiddenError."""
    if caller.kind == "instance":
        access.occupant(connection, caller, PartitionKey(computer, reference), "partition.read")
    else:
        access.node(connection, caller, computer, "partition.read")
    found = partitions.find(connection, computer, reference)
    if found is None:
        raise NotFoundError(f"{computer} has no partition {reference}.")
    slot, _ = found
    held = None if slot.instance_id is None else instances.by_id(connection, slot.instance_id)
    return documents.partition(
        computer,
        slot,
        partitions.addresses_of(connection, slot.id),
        held,
        instances.hosted(connection, held.id) if held else [],
    )


def listed(connection: Connection, caller: Caller) -> list[NodeEntry]:
    """Return the nodes that the caller may see, by reference."""
    if caller.kind == "node":
        return [find(connection, caller, caller.name)]
    if caller.kind == "instance" or not access.sees(caller, caller.project):
        return []
    return [documents.node_entry(row) for row in nodes.listed(connection, access.project_of(caller))]


def find(connection: Connection, caller: Caller, computer: str) -> NodeEntry:
    """Return one node's line. Raises NotFoundError."""
    return documents.node_entry(access.node(connection, caller, computer, "node.read"))


def request_node(connection: Connection, caller: Caller, title: str, now: float) -> NodeEntry:
    """Return the caller's node of this title, made (reference ``COMP-<n>``) when it does not exist (15.3)."""
    if not title:
        raise InvalidRequestError("a node needs a title; none was given")
    if caller.kind in {"node", "instance"}:
        access.forbid(connection, caller, "node.create", title, "only people request nodes", now)
    access.demand_role(connection, caller, "node.create", title, now)
    owner = caller.name if caller.kind == "user" else ""
    found = nodes.titled(connection, caller.project, owner, title)
    if found is None:
        register(connection, caller, "", now, title=title, owner=owner)
        found = nodes.titled(connection, caller.project, owner, title)
    if found is None:
        raise NotFoundError(f"{title} is not registered.")
    return documents.node_entry(found)


def bang(connection: Connection, caller: Caller, computer: str, message: str, now: float) -> None:
    """Move the timestamp of every instance of the node (X15)."""
    row = access.node(connection, caller, computer, "node.bang", now, change=True, lock=True)
    latest = max((each.timestamp for each in instances.of_node(connection, row.id)), default=0.0)
    changes.bang_node(connection, row.id, moved(latest, now))
    messages.say(connection, "node", row.id, caller.name, "", bang_status(message), now)
    nodes.touch(connection, row.id)
    audit.append(connection, caller, "node.bang", computer, {"message": message}, now)


def status(connection: Connection, caller: Caller, computer: str) -> Status:
    """Return the last sign of life of a node (15.3)."""
    row = access.node(connection, caller, computer, "node.read")
    return documents.status(computer, messages.last(connection, "node", row.id))


def seen(connection: Connection, computer: str, now: float) -> None:
    """Record a sign of life: the node has asked for something. Not for every call: a minute's pace is enough."""
    if row := nodes.find(connection, computer):
        messages.say(connection, "node", row.id, computer, "", f"#access {computer} is alive", now)


def describe(
    connection: Connection, caller: Caller, computer: str, categories: Mapping[str, str], now: float, *, is_open: bool
) -> None:
    """Say what a node is (``region``, ``network_guid``, ...) for filters to find, and whether it takes instances."""
    if caller.kind == "node":
        access.forbid(connection, caller, "node.describe", computer, "people describe nodes", now)
    row = access.node(connection, caller, computer, "node.describe", now, change=True, lock=True)
    nodes.categorise(connection, row.id, documents.stored(dict(categories)), is_open=is_open)
    audit.append(connection, caller, "node.describe", computer, {**categories, "open": is_open}, now)
