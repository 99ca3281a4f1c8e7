"""Nodes with room for one more instance, the emptiest first."""

from typing import NamedTuple

from sqlalchemy import Connection, and_, exists, literal_column, select

from pilothouse.store.schema import nodes, partitions, supplies
from pilothouse.store.statement import Statement, given

PAGE = 64  # nodes looked at before those that have the release are looked up the other way


class CandidateRow(NamedTuple):
    """A node that might take an instance."""

    id: int
    reference: str
    project: str
    categories: str


_ROOM = and_(
    nodes.c.project == given(nodes.c.project),
    # literal, because only then the database sees that the index on nodes with room answers it
    nodes.c.free > literal_column("0"),
    nodes.c.open.is_(True),
)
_SUPPLIED = and_(supplies.c.url == given(supplies.c.url), supplies.c.state == literal_column("'available'"))
_EMPTIEST = (
    select(*(nodes.c[name] for name in CandidateRow._fields), nodes.c.busy)
    .where(_ROOM)
    .order_by(nodes.c.busy, nodes.c.id)
    .limit(PAGE)
    .subquery()
)
_NEAR = Statement(
    select(*(_EMPTIEST.c[name] for name in CandidateRow._fields))
    .where(exists().where(supplies.c.node_id == _EMPTIEST.c.id, _SUPPLIED))
    .order_by(_EMPTIEST.c.busy, _EMPTIEST.c.id)
)
_ALL = Statement(
    select(*(nodes.c[name] for name in CandidateRow._fields))
    .select_from(supplies.join(nodes, supplies.c.node_id == nodes.c.id))
    .where(_SUPPLIED, _ROOM)
    .order_by(nodes.c.busy, nodes.c.id)
)
_CAPABLE = Statement(
    select(*(nodes.c[name] for name in CandidateRow._fields))
    .select_from(supplies.join(nodes, supplies.c.node_id == nodes.c.id))
    .where(
        _SUPPLIED,
        nodes.c.project == given(nodes.c.project),
        nodes.c.open.is_(True),
        exists().where(
            partitions.c.node_id == nodes.c.id,
            partitions.c.instance_id.is_(None),
            partitions.c.capabilities != literal_column("'[]'"),
        ),
    )
    .order_by(nodes.c.busy, nodes.c.id)
)


def near(connection: Connection, project: str, url: str) -> list[CandidateRow]:
    """Return those of the emptiest nodes that have the release; usually some of them do."""
    return [CandidateRow(*row) for row in _NEAR.rows(connection, project=project, url=url)]


def everywhere(connection: Connection, project: str, url: str) -> list[CandidateRow]:
    """Return all nodes with room that have the release."""
    return [CandidateRow(*row) for row in _ALL.rows(connection, project=project, url=url)]


def capable(connection: Connection, project: str, url: str) -> list[CandidateRow]:
    """Return all nodes that have the release and a free partition with capabilities."""
    return [CandidateRow(*row) for row in _CAPABLE.rows(connection, project=project, url=url)]
