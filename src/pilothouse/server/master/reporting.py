"""What nodes say of instances, and the wish to have them looked at again."""

from sqlalchemy import Connection

from pilothouse.identity.caller import Caller, PartitionKey
from pilothouse.server.master import access
from pilothouse.server.master.errors import InvalidRequestError, NotFoundError
from pilothouse.server.master.freeing import destroyed
from pilothouse.server.master.publishing import shared_at
from pilothouse.services.instance import guid_of
from pilothouse.services.policy import Policy
from pilothouse.services.states import ReportedInstanceState
from pilothouse.services.updates import moved
from pilothouse.services.wording import bang_status, instance_status
from pilothouse.store import audit, instances, messages, nodes, partitions
from pilothouse.store import instance_changes as changes
from pilothouse.store.instances import InstanceRow

_STATES = ("started", "stopped", "destroyed", "error")


def report(
    connection: Connection,
    caller: Caller,
    place: PartitionKey,
    state: ReportedInstanceState,
    text: str,
    shared_reference: str | None,
    now: float,
    *,
    policy: Policy | None = None,
) -> str:
    """Record what a node says; returns ``OK``, or why a destroyed one is kept for now (2.8, 6.5, 15.2).

    To say again that a partition is empty which is free already is no mistake. Raises NotFoundError, ForbiddenError.
    """
    if state not in _STATES:
        raise InvalidRequestError(f"{state!r} cannot be reported; allowed: {', '.join(_STATES)}")
    if state == "destroyed":
        return _destroyed(connection, caller, place, access.policy_of(caller, policy), now)
    row = access.occupant(connection, caller, place, "instance.report", now, change=True)
    if shared_reference:
        row = shared_at(connection, row, shared_reference)
    said = instance_status(state, text.replace("\0", ""))
    if messages.say(connection, "instance", row.id, place.computer, state, said, now):
        nodes.touch(connection, row.node_id)
    return "OK"


def bang(connection: Connection, caller: Caller, place: PartitionKey, message: str, now: float) -> None:
    """Move the timestamp of every member of the caller's tree to one value (2.7)."""
    row = access.occupant(connection, caller, place, "instance.bang", now, change=True)
    root_id = row.root_id or row.id
    top = instances.by_id(connection, root_id, lock=True)
    tree: list[InstanceRow] = ([top] if top else []) + instances.members(connection, root_id)
    changes.bang_tree(connection, root_id, moved(max(each.timestamp for each in tree), now))
    message = message.replace("\0", "")
    messages.say(connection, "instance", row.id, place.computer, "", bang_status(message), now)
    nodes.touch(connection, *(each.node_id for each in tree))
    audit.append(connection, caller, "instance.bang", guid_of(row.id), {"message": message}, now)


def _destroyed(connection: Connection, caller: Caller, place: PartitionKey, policy: Policy, now: float) -> str:
    action = "instance.destroyed"
    access.own_node(connection, caller, place.computer, action, now)
    row = instances.at(connection, place.computer, place.partition, lock=True)
    if row is not None and access.instance(connection, caller, row, action, now, change=True):
        return destroyed(connection, caller, row, policy, now)
    found = None if row is not None else partitions.find(connection, place.computer, place.partition)
    if found is None or (caller.kind == "user" and not access.sees(caller, found[1])):
        raise NotFoundError(f"Unknown partition '{place.partition}' on '{place.computer}'")
    return "OK"
