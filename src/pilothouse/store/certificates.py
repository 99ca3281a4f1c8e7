"""Certificates that this server issued: to whom, until when, and whether they still count."""

from sqlalchemy import Connection, update

from pilothouse.store.schema import certificates
from pilothouse.store.statement import Statement, given

_REVOKE = Statement(
    update(certificates)
    .where(
        certificates.c.kind == given(certificates.c.kind, "whose"),
        certificates.c.name == given(certificates.c.name, "subject"),
        certificates.c.revoked_at.is_(None),
    )
    .values(revoked_at=given(certificates.c.revoked_at, "now"))
)


def revoke(connection: Connection, kind: str, name: str, now: float) -> int:
    """Let no certificate of this subject count any longer; returns how many did."""
    return _REVOKE.run(connection, whose=kind, subject=name, now=now)
