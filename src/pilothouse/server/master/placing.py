"""Find a free partition: the pure rules over what the database says, nothing given twice."""

import msgspec
from sqlalchemy import Connection

from pilothouse.server.master import documents
from pilothouse.server.master.errors import NotAllocatedError
from pilothouse.services.allocation import Candidate, Wanted, choose, holds, satisfies, wanted
from pilothouse.services.instance import InstanceRequest
from pilothouse.services.policy import Policy
from pilothouse.store import candidates, nodes, partitions
from pilothouse.store.candidates import CandidateRow
from pilothouse.store.nodes import NodeRow
from pilothouse.store.partitions import PartitionRow

_capabilities = msgspec.json.Decoder(list[str])


class _Found(Candidate, frozen=True, kw_only=True):
    node_id: int


def find(connection: Connection, project: str, asked: InstanceRequest, policy: Policy) -> tuple[NodeRow, PartitionRow]:
    """Return a free partition for a new instance, and its node, which is locked until the transaction ends.

    Raises NotAllocatedError.
    """
    want = wanted(asked.filter, policy)
    if want.impossible:
        raise _none(asked, want.impossible)
    found = _on_named(connection, project, want) if want.computer else _anywhere(connection, project, asked, want)
    if found is None:
        raise _none(asked, f"computer {want.computer} has no room for it, or is not known" if want.computer else "")
    return found


def _none(asked: InstanceRequest, reason: str) -> NotAllocatedError:
    return NotAllocatedError(f"No free computer partition found for: {asked.title}", reason)


def _on_named(connection: Connection, project: str, want: Wanted) -> tuple[NodeRow, PartitionRow] | None:
    node = nodes.lock(connection, want.computer)
    if node is None or node.registered is None or node.project != project or not node.open:
        return None
    known = Candidate(reference=node.reference, project=node.project, categories=documents.texts(node.categories))
    slot = _slot(connection, node.id, want) if satisfies(known, want) else None
    return (node, slot) if slot else None


def _anywhere(
    connection: Connection, project: str, asked: InstanceRequest, want: Wanted
) -> tuple[NodeRow, PartitionRow] | None:
    """Return a place on the emptiest node that fits; another server may fill it first, so look again at each."""
    looks = (candidates.capable,) if want.capability else (candidates.near, candidates.everywhere)
    for look in looks:
        for each in choose(map(_candidate, look(connection, project, asked.software_url)), want):
            node = nodes.lock_id(connection, each.node_id)
            slot = _slot(connection, each.node_id, want) if node else None
            if node and slot:
                return node, slot
    return None


def _candidate(row: CandidateRow) -> _Found:
    return _Found(
        reference=row.reference, project=row.project, categories=documents.texts(row.categories), node_id=row.id
    )


def _slot(connection: Connection, node_id: int, want: Wanted) -> PartitionRow | None:
    if not want.capability:
        return partitions.first_free(connection, node_id)
    for slot in partitions.free_capable(connection, node_id):
        if holds(_capabilities.decode(slot.capabilities), want):
            return slot
    return None
