"""Nodes: what they say of themselves, what they are told, and who may see them."""

from sqlalchemy import Connection

from pilothouse.identity.caller import Caller
from pilothouse.services.node import NodeDocument, NodeEntry, NodeFormat, Partition, Status


def format_node(connection: Connection, caller: Caller, form: NodeFormat, now: float) -> None:
    """Make the node's partitions those of ``form``, in its order (slapos-master 2.3, 15.2).

    Listed partitions keep their instance. What is no longer listed is deleted, with what occupied it.
    """
    raise NotImplementedError


def document(connection: Connection, caller: Caller, computer: str) -> NodeDocument:
    """Return the whole node (2.1). Raises NotFoundError for one that was never formatted nor registered."""
    raise NotImplementedError


def revision(connection: Connection, computer: str) -> int | None:
    """Return the number that moves with every change of ``document``, None for an unknown node."""
    raise NotImplementedError


def partition(connection: Connection, caller: Caller, computer: str, reference: str) -> Partition:
    """Return one partition (2.2). Raises NotFoundError."""
    raise NotImplementedError


def listed(connection: Connection, caller: Caller) -> list[NodeEntry]:
    """Return the nodes that the caller may see, by reference."""
    raise NotImplementedError


def find(connection: Connection, caller: Caller, computer: str) -> NodeEntry:
    """Return one node's line. Raises NotFoundError."""
    raise NotImplementedError


def request_node(connection: Connection, caller: Caller, title: str, now: float) -> NodeEntry:
    """Return the caller's node of this title, made (reference ``COMP-<n>``) when it does not exist (15.3)."""
    raise NotImplementedError


def bang(connection: Connection, caller: Caller, computer: str, message: str, now: float) -> None:
    """Move the timestamp of every instance of the node (X15)."""
    raise NotImplementedError


def status(connection: Connection, caller: Caller, computer: str) -> Status:
    """Return the last sign of life of a node (15.3)."""
    raise NotImplementedError
