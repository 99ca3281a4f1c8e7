"""Instances: requested, found, reported on, renamed, freed."""

from collections.abc import Mapping

from sqlalchemy import Connection

from pilothouse.identity.caller import Caller, PartitionKey
from pilothouse.services.instance import InstanceDocument, InstanceEntry, InstanceKey, InstanceRequest
from pilothouse.services.node import Status
from pilothouse.services.states import ReportedInstanceState


def request(
    connection: Connection, caller: Caller, requester: PartitionKey | None, asked: InstanceRequest, now: float
) -> InstanceDocument:
    """Allocate, update or find an instance, for a person or for the instance in partition ``requester`` (6).

    Raises InvalidRequestError, NotAllocatedError, ForbiddenError.
    """
    raise NotImplementedError


def at(connection: Connection, caller: Caller, place: PartitionKey) -> InstanceDocument:
    """Return what occupies a partition. Raises NotFoundError when it is free or unknown."""
    raise NotImplementedError


def by_key(connection: Connection, caller: Caller, key: InstanceKey) -> InstanceDocument:
    """Return the instance that JSON-RPC names so. Raises NotFoundError."""
    raise NotImplementedError


def root(connection: Connection, caller: Caller, title: str) -> InstanceDocument:
    """Return a root, or a shared instance that a person asked for. Raises NotFoundError."""
    raise NotImplementedError


def roots(connection: Connection, caller: Caller) -> list[InstanceEntry]:
    """Return what persons asked for: roots first, then shared ones, each in order of creation."""
    raise NotImplementedError


def on_node(connection: Connection, caller: Caller, computer: str) -> list[InstanceEntry]:
    """Return the occupants of a node. Raises NotFoundError for an unknown node."""
    raise NotImplementedError


def hosted_by(connection: Connection, caller: Caller, key: InstanceKey) -> list[InstanceEntry]:
    """Return the shared instances that an instance hosts. Raises NotFoundError."""
    raise NotImplementedError


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
    """
    raise NotImplementedError


def publish_for(
    connection: Connection, caller: Caller, key: InstanceKey, values: Mapping[str, str], now: float
) -> None:
    """Do the same for an instance that JSON-RPC names."""
    raise NotImplementedError


def report(
    connection: Connection,
    caller: Caller,
    place: PartitionKey,
    state: ReportedInstanceState,
    text: str,
    shared_reference: str | None,
    now: float,
) -> str:
    """Record what a node says; returns ``OK``, or why a destroyed one is kept for now (2.8, 6.5, 15.2)."""
    raise NotImplementedError


def bang(connection: Connection, caller: Caller, place: PartitionKey, message: str, now: float) -> None:
    """Move the timestamp of every member of the caller's tree to one value (2.7)."""
    raise NotImplementedError


def rename(
    connection: Connection,
    caller: Caller,
    place: PartitionKey,
    title: str,
    shared_reference: str | None,
    now: float,
) -> None:
    """Rename an occupant, or a shared instance it hosts; everything that belongs to it follows (2.9, X24 to X26)."""
    raise NotImplementedError


def status(connection: Connection, caller: Caller, place: PartitionKey) -> Status:
    """Return the last word on an occupant (15.3)."""
    raise NotImplementedError


def addresses_of_tree(connection: Connection, caller: Caller, place: PartitionKey) -> list[tuple[str, str]]:
    """Return (interface, address) of all instances of the tree; none when the caller is to be destroyed (15.3)."""
    raise NotImplementedError
