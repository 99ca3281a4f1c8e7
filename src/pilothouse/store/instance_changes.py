"""Instances made, changed and freed. Those that are freed stay as rows, for accounting."""

from typing import Any

from sqlalchemy import Connection, update

from pilothouse.store.instances import InstanceRow
from pilothouse.store.schema import instances
from pilothouse.store.statement import Statement, given, insertion

_LIVE = instances.c.freed_at.is_(None)
_CREATED = (
    "project", "owner", "title", "shared", "root_id", "requester_id", "depth", "host_id", "node_id", "place",
    "shared_reference", "software_url", "software_type", "parameters", "filter", "asked", "state", "timestamp",
    "created",
)  # fmt: skip
_CREATE = Statement(insertion(instances, *_CREATED).returning(instances.c.id))
_KEY = instances.c.id == given(instances.c.id, "key")


def _setting(*names: str) -> Statement:
    return Statement(
        update(instances).where(_KEY).values({name: given(instances.c[name], f"new_{name}") for name in names})
    )


_CHANGED = (
    "requester_id", "host_id", "node_id", "place", "software_url", "software_type", "parameters", "filter", "asked",
    "state", "timestamp",
)  # fmt: skip
_CHANGE = _setting(*_CHANGED)
_PUBLISH = _setting("connection")
_RENAME = _setting("title", "shared_reference")
_MOVE = _setting("timestamp")
_FREE = _setting("freed_at", "state")
_FREE_HOSTED = Statement(
    update(instances)
    .where(instances.c.host_id == given(instances.c.host_id, "key"), _LIVE)
    .values(freed_at=given(instances.c.freed_at, "now"), state="destroyed")
)
_DESTROY_MEMBERS = Statement(
    update(instances)
    .where(instances.c.root_id == given(instances.c.root_id, "key"), instances.c.shared.is_(False), _LIVE)
    .values(state="destroyed", asked="destroyed")
)
_BANG_TREE = Statement(
    update(instances)
    .where(instances.c.root_id == given(instances.c.root_id, "key"), _LIVE)
    .values(timestamp=given(instances.c.timestamp, "now"))
)
_BANG_NODE = Statement(
    update(instances)
    .where(instances.c.node_id == given(instances.c.node_id, "key"), _LIVE)
    .values(timestamp=given(instances.c.timestamp, "now"))
)


def create(connection: Connection, **values: Any) -> int:
    """Add an instance; returns its number."""
    row = _CREATE.only(connection, **values)
    return int(row[0])


def change(connection: Connection, row: InstanceRow) -> None:
    """Store what a request may change, as it stands in ``row``."""
    _CHANGE.run(connection, key=row.id, **{f"new_{name}": getattr(row, name) for name in _CHANGED})


def publish(connection: Connection, instance_id: int, values: str) -> None:
    """Replace the connection parameters."""
    _PUBLISH.run(connection, key=instance_id, new_connection=values)


def rename(connection: Connection, instance_id: int, title: str, shared_reference: str) -> None:
    """Give it another title, and another reference for its host."""
    _RENAME.run(connection, key=instance_id, new_title=title, new_shared_reference=shared_reference)


def move(connection: Connection, instance_id: int, timestamp: float) -> None:
    """Set the timestamp, so that its node processes it again."""
    _MOVE.run(connection, key=instance_id, new_timestamp=timestamp)


def free(connection: Connection, instance_id: int, now: float) -> None:
    """Let it live no longer, nor the shared instances that it hosts; its partition is another matter."""
    _FREE_HOSTED.run(connection, key=instance_id, now=now)
    _FREE.run(connection, key=instance_id, new_freed_at=now, new_state="destroyed")


def destroy_members(connection: Connection, root_id: int) -> None:
    """Ask that everything in a tree below its root be destroyed."""
    _DESTROY_MEMBERS.run(connection, key=root_id)


def bang_tree(connection: Connection, root_id: int, timestamp: float) -> None:
    """Set the timestamp of a root and of everything below it."""
    move(connection, root_id, timestamp)
    _BANG_TREE.run(connection, key=root_id, now=timestamp)


def bang_node(connection: Connection, node_id: int, timestamp: float) -> None:
    """Set the timestamp of everything on a node."""
    _BANG_NODE.run(connection, key=node_id, now=timestamp)
