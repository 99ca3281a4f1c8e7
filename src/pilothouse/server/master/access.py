"""Who may see and change what: decided from the caller and from what is stored about the thing.

A project that is not the caller's does not exist for him. A node or an instance that reaches for what is not
its own is refused, and the audit log keeps it.
"""

from typing import NoReturn

from sqlalchemy import Connection

from pilothouse.identity.caller import Caller, PartitionKey
from pilothouse.server.master.errors import ForbiddenError, NotFoundError
from pilothouse.services.instance import InstanceKey, guid_of, id_of
from pilothouse.services.policy import PRODUCTION, PROXY, Policy
from pilothouse.store import audit, instances, nodes
from pilothouse.store.instances import InstanceRow
from pilothouse.store.nodes import NodeRow

_CHANGING = frozenset({"admin", "operator"})


def policy_of(caller: Caller, policy: Policy | None) -> Policy:
    """Return the policy that was given, else the one that goes with how callers are known here."""
    return policy or (PROXY if caller.kind == "local" else PRODUCTION)


def project_of(caller: Caller) -> str | None:
    """Return the project that the caller is confined to, None for one who sees everything."""
    return None if caller.kind == "local" else caller.project


def forbid(
    connection: Connection, caller: Caller, action: str, subject: str, reason: str, now: float | None = None
) -> NoReturn:
    """Refuse, and let the audit log keep it. Raises ForbiddenError."""
    audit.refuse(connection, caller, action, subject, reason, now)
    who = f"{caller.kind} {caller.name}".strip()
    raise ForbiddenError(f"{who} may not do {action} on {subject}: {reason}")


def sees(caller: Caller, project: str) -> bool:
    """Whether a person has a role where this belongs."""
    return caller.kind == "local" or (caller.kind == "user" and caller.project == project and bool(caller.roles))


def demand_role(connection: Connection, caller: Caller, action: str, subject: str, now: float | None) -> None:
    """Let go on only who may change things in his project. Raises ForbiddenError."""
    if caller.kind == "user" and not caller.roles & _CHANGING:
        forbid(connection, caller, action, subject, "the role admin or operator is needed", now)


def own_node(connection: Connection, caller: Caller, computer: str, action: str, now: float | None = None) -> None:
    """Let a node speak for itself only. Raises ForbiddenError."""
    if caller.kind == "node" and caller.name != computer:
        forbid(connection, caller, action, computer, "a node speaks for itself only", now)


def node(
    connection: Connection,
    caller: Caller,
    computer: str,
    action: str,
    now: float | None = None,
    *,
    change: bool = False,
    lock: bool = False,
) -> NodeRow:
    """Return a node that the caller may see, or change. Raises NotFoundError, ForbiddenError."""
    own_node(connection, caller, computer, action, now)
    if caller.kind == "instance":
        forbid(connection, caller, action, computer, "an instance speaks for itself only", now)
    row = nodes.lock(connection, computer) if lock else nodes.find(connection, computer)
    if row is None or row.registered is None or (caller.kind == "user" and not sees(caller, row.project)):
        raise NotFoundError(f"{computer} is not registered.")
    if change:
        demand_role(connection, caller, action, computer, now)
    return row


def instance(
    connection: Connection, caller: Caller, row: InstanceRow, action: str, now: float | None = None, *, change: bool
) -> bool:
    """Let go on who may see, or change, an instance; False when it does not exist for a person.

    Raises ForbiddenError for nodes and instances that reach for what is not theirs.
    """
    if caller.kind == "local":
        return True
    if caller.kind == "user":
        if not sees(caller, row.project):
            return False
        if change:
            demand_role(connection, caller, action, guid_of(row.id), now)
        return True
    if caller.kind == "node":
        if row.computer != caller.name:
            forbid(connection, caller, action, guid_of(row.id), "it is on another node", now)
        return True
    if not _reaches(connection, caller, row, change=change):
        forbid(connection, caller, action, guid_of(row.id), "it is another instance", now)
    return True


def occupant(
    connection: Connection,
    caller: Caller,
    place: PartitionKey,
    action: str,
    now: float | None = None,
    *,
    change: bool = False,
) -> InstanceRow:
    """Return what occupies a partition, for who may see or change it. Raises NotFoundError, ForbiddenError."""
    own_node(connection, caller, place.computer, action, now)
    row = instances.at(connection, place.computer, place.partition, lock=change)
    if row is None or not instance(connection, caller, row, action, now, change=change):
        raise NotFoundError(f"No instance on partition {place.partition} found.")
    return row


def named(
    connection: Connection,
    caller: Caller,
    key: InstanceKey,
    action: str,
    now: float | None = None,
    *,
    change: bool = False,
) -> InstanceRow:
    """Return what JSON-RPC names so, for who may see or change it. Raises NotFoundError, ForbiddenError."""
    row = _keyed(connection, _project(connection, caller), key, lock=change)
    if row is None or not instance(connection, caller, row, action, now, change=change):
        raise NotFoundError(f"No {'shared' if key.shared else 'software'} instance {key} found.")
    return row


def _keyed(connection: Connection, project: str, key: InstanceKey, *, lock: bool) -> InstanceRow | None:
    if not key.requester_title:
        return instances.root(connection, project, key.title, shared=key.shared, lock=lock)
    top = instances.root(connection, project, key.requester_title, shared=False)
    return top and instances.member(connection, top.id, key.title, shared=key.shared, lock=lock)


def _project(connection: Connection, caller: Caller) -> str:
    """Return the project in which titles are looked up: a machine's own one is where it is."""
    if caller.kind == "node" and (node := nodes.find(connection, caller.name)):
        return node.project
    if caller.kind == "instance" and (number := id_of(caller.name)) is not None:
        row = instances.by_id(connection, number)
        return row.project if row else caller.project
    return caller.project


def _reaches(connection: Connection, caller: Caller, row: InstanceRow, *, change: bool) -> bool:
    """Whether an instance means itself, what it hosts, or, to look at, a member of its tree."""
    own = id_of(caller.name)
    if own is None or own in {row.id, row.host_id}:
        return own is not None
    mine = None if change else instances.by_id(connection, own)
    return mine is not None and (mine.root_id or mine.id) == (row.root_id or row.id)
