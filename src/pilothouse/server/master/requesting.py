"""One request: find what is there already, else give it a place (slapos-master 6.2)."""

from typing import Any

import msgspec
from sqlalchemy import Connection

from pilothouse.identity.caller import Caller, PartitionKey
from pilothouse.server.master import documents, placing, sharing
from pilothouse.server.master.access import policy_of
from pilothouse.server.master.errors import InvalidRequestError, NotFoundError
from pilothouse.server.master.requester import Requester, requester_of
from pilothouse.services.instance import InstanceDocument, InstanceRequest, guid_of
from pilothouse.services.policy import Policy
from pilothouse.services.states import INSTANCE_STATES
from pilothouse.services.texts import unstorable
from pilothouse.services.updates import Held, again, first
from pilothouse.store import audit, nodes, partitions
from pilothouse.store import instance_changes as changes
from pilothouse.store.instances import InstanceRow
from pilothouse.store.partitions import PartitionRow


def request(
    connection: Connection,
    caller: Caller,
    requester: PartitionKey | None,
    asked: InstanceRequest,
    now: float,
    *,
    policy: Policy | None = None,
    https_base: str = "",
) -> InstanceDocument:
    """Allocate, update or find an instance, for a person or for the instance in partition ``requester`` (6).

    Without a ``policy`` it is the proxy's for a local caller, and production's for who had to prove himself.
    ``https_base`` is the address that the client used, where that was https; frontends without a host need it.
    Raises InvalidRequestError, NotFoundError, NotAllocatedError, ForbiddenError.
    """
    _check(asked)
    rules = policy_of(caller, policy)
    by = requester_of(connection, caller, requester, now)
    if asked.shared:
        return sharing.request(connection, caller, by, asked, now, policy=rules, https_base=https_base)
    row = by.find(connection, asked.title, shared=False, lock=True)
    if row is None:
        made, slot = _create(connection, caller, by, asked, now, rules)
        return documents.document(made, partitions.addresses_of(connection, slot.id))
    return documents.instance(connection, _update(connection, caller, by, row, asked, now))


def held(row: InstanceRow) -> Held:
    """Return what requests may change of an instance."""
    state: Any = row.state
    was_asked: Any = row.asked
    return Held(
        software_url=row.software_url,
        software_type=row.software_type,
        parameters=documents.texts(row.parameters),
        filter=documents.texts(row.filter),
        asked=was_asked,
        state=state,
        timestamp=row.timestamp,
    )


def columns(values: Held) -> dict[str, Any]:
    """Return the same as columns."""
    return {
        "software_url": values.software_url,
        "software_type": values.software_type,
        "parameters": documents.stored(values.parameters),
        "filter": documents.stored(values.filter),
        "asked": values.asked,
        "state": values.state,
        "timestamp": values.timestamp,
    }


def _check(asked: InstanceRequest) -> None:
    if not asked.title:
        raise InvalidRequestError("an instance needs a title; the one given is empty")
    if not asked.software_url:
        raise InvalidRequestError("an instance needs a software release; the address given is empty")
    if asked.state is not None and asked.state not in INSTANCE_STATES:
        raise InvalidRequestError(f"{asked.state!r} is no state; allowed: {', '.join(INSTANCE_STATES)}")
    if problem := unstorable(asked):
        raise InvalidRequestError(problem)


def _create(
    connection: Connection, caller: Caller, by: Requester, asked: InstanceRequest, now: float, policy: Policy
) -> tuple[InstanceRow, PartitionRow]:
    new = first(asked, by.root_state, now)
    if new.state == "destroyed":  # there is nothing to destroy (X21)
        raise NotFoundError(f"No software instance {asked.title} found.")
    depth = by.demand_room(connection, asked.title, policy)
    node, slot = placing.find(connection, by.project, asked, policy)
    values: dict[str, Any] = {
        "project": by.project,
        "owner": by.owner,
        "title": asked.title,
        "shared": False,
        "root_id": by.root_id,
        "requester_id": by.instance.id if by.instance else None,
        "depth": depth,
        "host_id": None,
        "node_id": node.id,
        "place": slot.reference,
        "shared_reference": "",
        **columns(new),
    }
    number = changes.create(connection, created=now, **values)
    partitions.occupy(connection, slot.id, number)
    nodes.count(connection, node.id, free=-1 if slot.capabilities == "[]" else 0, busy=1)
    detail = {"title": asked.title, "computer": node.reference, "partition": slot.reference, "state": new.state}
    audit.append(connection, caller, "instance.create", guid_of(number), detail, now)
    row = InstanceRow(
        id=number,
        connection="{}",
        reported="",
        status_text="",
        root_title=by.root_title or asked.title,
        root_state=by.root_state or new.state,
        computer=node.reference,
        **values,
    )
    return row, slot


def _update(
    connection: Connection, caller: Caller, by: Requester, row: InstanceRow, asked: InstanceRequest, now: float
) -> InstanceRow:
    before = held(row)
    after = again(before, asked, by.root_state, now)
    requester_id = by.instance.id if by.instance else None
    if after == before and requester_id == row.requester_id:
        return row
    row = row._replace(requester_id=requester_id, **columns(after))
    changes.change(connection, row)
    if after != before:
        if msgspec.structs.replace(after, asked=before.asked) != before:  # what was asked is not what the node is told
            nodes.touch(connection, row.node_id)
        detail = {"title": row.title, "state": after.state, "software": after.software_url}
        action = "instance.destroy" if after.state == "destroyed" != before.state else "instance.update"
        audit.append(connection, caller, action, guid_of(row.id), detail, now)
    return row
