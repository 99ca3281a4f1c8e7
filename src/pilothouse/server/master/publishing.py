"""Connection parameters: what an instance tells those who requested it (slapos-master 2.6, 6.9)."""

from collections.abc import Mapping

from sqlalchemy import Connection

from pilothouse.identity.caller import Caller, PartitionKey
from pilothouse.server.master import access, documents
from pilothouse.server.master.errors import InvalidRequestError, NotFoundError
from pilothouse.services.instance import InstanceKey, guid_of, id_of
from pilothouse.services.texts import bad_text
from pilothouse.services.updates import moved
from pilothouse.store import audit, instances, nodes
from pilothouse.store import instance_changes as changes
from pilothouse.store.instances import InstanceRow


def publish(
    connection: Connection,
    caller: Caller,
    place: PartitionKey,
    values: Mapping[str, str],
    shared_reference: str | None,
    now: float,
) -> None:
    """Replace the connection parameters of an occupant, or of a shared instance it hosts (2.6, 6.9).

    Unchanged values change nothing; changed ones move the timestamp of whoever requested the instance directly.
    Raises NotFoundError, ForbiddenError.
    """
    row = access.occupant(connection, caller, place, "instance.publish", now, change=True)
    if shared_reference:
        row = shared_at(connection, row, shared_reference)
    _replace(connection, caller, row, values, now)


def publish_for(
    connection: Connection, caller: Caller, key: InstanceKey, values: Mapping[str, str], now: float
) -> None:
    """Do the same for an instance that JSON-RPC names."""
    row = access.named(connection, caller, key, "instance.publish", now, change=True)
    _replace(connection, caller, row, values, now)


def shared_at(connection: Connection, host: InstanceRow, reference: str) -> InstanceRow:
    """Return a shared instance by the reference its host knows, or by its guid. Raises NotFoundError."""
    row = instances.hosted_as(connection, host.id, reference)
    if row is None and (number := id_of(reference)) is not None:
        row = instances.by_id(connection, number)
    if row is None or row.host_id != host.id:
        raise NotFoundError(f"No shared instance {reference} found.")
    return row


def _replace(connection: Connection, caller: Caller, row: InstanceRow, values: Mapping[str, str], now: float) -> None:
    if any(bad_text(text) for pair in values.items() for text in pair):
        raise InvalidRequestError("a connection parameter holds a NUL or half a character, which cannot be stored")
    if documents.texts(row.connection) == values:
        return
    changes.publish(connection, row.id, documents.stored(dict(values)))
    requester = None if row.requester_id is None else instances.by_id(connection, row.requester_id, lock=True)
    if requester is not None:
        changes.move(connection, requester.id, moved(requester.timestamp, now))
    nodes.touch(connection, row.node_id, requester.node_id if requester else None)
    audit.append(connection, caller, "instance.publish", guid_of(row.id), {"names": sorted(values)}, now)
