"""Another title: links are kept by number, so everything that belongs to an instance follows (X24 to X26)."""

from sqlalchemy import Connection

from pilothouse.identity.caller import Caller, PartitionKey
from pilothouse.server.master import access
from pilothouse.server.master.errors import InvalidRequestError
from pilothouse.server.master.publishing import shared_at
from pilothouse.services.instance import guid_of
from pilothouse.services.instance import shared_reference as reference_of
from pilothouse.services.texts import bad_text
from pilothouse.store import audit, instances, nodes
from pilothouse.store import instance_changes as changes
from pilothouse.store.instances import InstanceRow


def rename(
    connection: Connection,
    caller: Caller,
    place: PartitionKey,
    title: str,
    shared_reference: str | None,
    now: float,
) -> None:
    """Rename an occupant, or a shared instance it hosts; everything that belongs to it follows (2.9, X24 to X26).

    Raises NotFoundError, ForbiddenError, and InvalidRequestError for a title that is empty or taken.
    """
    if not title or bad_text(title):
        raise InvalidRequestError("an instance needs a title that can be stored; the one given is empty or broken")
    row = access.occupant(connection, caller, place, "instance.rename", now, change=True)
    if shared_reference:
        row = shared_at(connection, row, shared_reference)
    if row.title == title:
        return
    if _taken(connection, row, title):
        raise InvalidRequestError(f"{title!r} is the title of another instance; choose one that is free")
    label = "" if row.root_id is None else row.root_title
    changes.rename(connection, row.id, title, reference_of(label, title) if row.shared else "")
    nodes.touch(connection, row.node_id)
    if row.root_id is None:
        _relabel(connection, row.id, title)
    audit.append(connection, caller, "instance.rename", guid_of(row.id), {"from": row.title, "to": title}, now)


def _taken(connection: Connection, row: InstanceRow, title: str) -> bool:
    shared = bool(row.shared)
    if row.root_id is None:
        return instances.root(connection, row.project, title, shared=shared) is not None
    return instances.member(connection, row.root_id, title, shared=shared) is not None


def _relabel(connection: Connection, root_id: int, title: str) -> None:
    members = instances.members(connection, root_id)
    for each in members:
        if each.shared:
            changes.rename(connection, each.id, each.title, reference_of(title, each.title))
    nodes.touch(connection, *(each.node_id for each in members))
