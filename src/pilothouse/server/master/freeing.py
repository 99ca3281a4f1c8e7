"""The end of instances: when a node says one is gone, and what goes with it (slapos-master 6.5, 6.6)."""

from sqlalchemy import Connection

from pilothouse.identity.caller import Caller
from pilothouse.services.instance import guid_of
from pilothouse.services.policy import Policy
from pilothouse.services.tree import destroyed_report
from pilothouse.services.updates import moved
from pilothouse.store import audit, certificates, instances, nodes, partitions
from pilothouse.store import instance_changes as changes
from pilothouse.store.instances import InstanceRow


def destroyed(connection: Connection, caller: Caller, row: InstanceRow, policy: Policy, now: float) -> str:
    """Free an instance whose node says that nothing is left of it; returns ``OK``, or why it is kept for now."""
    below = instances.members(connection, row.id) if row.root_id is None else []
    children = [each for each in below if not each.shared]
    meant = row.state == "destroyed" or policy.free_unasked
    refusal = destroyed_report(meant=meant, children=[each.title for each in children])
    if not refusal:
        free(connection, caller, row, now, reason="its node says that it is destroyed")
    elif meant and (wanted := [each for each in children if each.state != "destroyed"]):
        changes.destroy_members(connection, row.id)
        nodes.touch(connection, *(each.node_id for each in wanted))
        audit.append(connection, caller, "instance.destroy", guid_of(row.id), {"children": len(children)}, now)
    return refusal or "OK"


def free(connection: Connection, caller: Caller, row: InstanceRow, now: float, *, reason: str) -> None:
    """Let an instance live no longer: its slot is free, what it hosted is gone, its certificate is worth nothing.

    With a root go the shared instances of its tree, and its children are to be destroyed by their nodes.
    """
    if row.root_id is None:
        _end_tree(connection, caller, row, now)
    for each in instances.hosted(connection, row.id):
        _forget(connection, caller, each, now, reason="its host is gone")
    if row.host_id is None:
        _vacate(connection, row)
    else:
        leave_host(connection, row.host_id, now)
    changes.free(connection, row.id, now)
    nodes.touch(connection, row.node_id)
    _forget(connection, caller, row, now, reason=reason)


def _forget(connection: Connection, caller: Caller, row: InstanceRow, now: float, *, reason: str) -> None:
    certificates.revoke(connection, "instance", guid_of(row.id), now)
    detail = {"title": row.title, "computer": row.computer, "partition": row.place, "reason": reason}
    audit.append(connection, caller, "instance.free", guid_of(row.id), detail, now)


def leave_host(connection: Connection, host_id: int, now: float) -> None:
    """Let a host look again, because what it hosts has changed."""
    host = instances.by_id(connection, host_id, lock=True)
    if host is not None:
        changes.move(connection, host.id, moved(host.timestamp, now))
        nodes.touch(connection, host.node_id)


def _vacate(connection: Connection, row: InstanceRow) -> None:
    found = partitions.find(connection, row.computer, row.place)
    if found is None or not partitions.vacate(connection, row.id) or row.node_id is None:
        return
    slot, _ = found
    nodes.count(connection, row.node_id, free=int(slot.capabilities == "[]"), busy=-1)


def _end_tree(connection: Connection, caller: Caller, root: InstanceRow, now: float) -> None:
    for each in instances.members(connection, root.id):
        if each.shared:
            free(connection, caller, each, now, reason="its tree is gone")
        elif each.state != "destroyed":
            nodes.touch(connection, each.node_id)
    changes.destroy_members(connection, root.id)
