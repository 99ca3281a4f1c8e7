"""Which project a node or an instance belongs to, for whoever speaks with its certificate."""

from sqlalchemy import Connection, select

from pilothouse.identity.holder import CertificateKind
from pilothouse.store.schema import instances, nodes
from pilothouse.store.statement import Statement, given

_INSTANCE_PREFIX = "SOFTINST-"
_NODE = Statement(select(nodes.c.project).where(nodes.c.reference == given(nodes.c.reference)))
_INSTANCE = Statement(
    select(instances.c.project).where(instances.c.id == given(instances.c.id), instances.c.freed_at.is_(None))
)


def project_of(connection: Connection, kind: CertificateKind, name: str) -> str | None:
    """Return the project, None when there is no such node, or no such instance any more."""
    if kind == "node":
        row = _NODE.first(connection, reference=name)
    else:
        number = name.removeprefix(_INSTANCE_PREFIX)
        row = _INSTANCE.first(connection, id=int(number)) if number.isascii() and number.isdigit() else None
    return None if row is None else str(row[0])
