"""The audit log, looked at."""

import msgspec
from sqlalchemy import Connection, bindparam, select

from pilothouse.store.schema import audit
from pilothouse.store.statement import Statement, given


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the audit log; ``detail`` is JSON, or nothing."""

    row: int
    at: float
    caller_kind: str
    caller: str
    project: str
    how: str
    action: str
    subject: str
    detail: str


_ROWS = (
    select(
        audit.c.id,
        audit.c.at,
        audit.c.caller_kind,
        audit.c.caller,
        audit.c.project,
        audit.c.how,
        audit.c.action,
        audit.c.subject,
        audit.c.detail,
    )
    .order_by(audit.c.id.desc())
    .limit(bindparam("count"))
)
_NEWEST = Statement(_ROWS)
_OF_SUBJECT = Statement(_ROWS.where(audit.c.subject == given(audit.c.subject)))


def newest(connection: Connection, count: int, subject: str = "") -> list[Record]:
    """Return the newest rows, of one subject if it is named, the latest last."""
    rows = (
        _OF_SUBJECT.rows(connection, subject=subject, count=count) if subject else _NEWEST.rows(connection, count=count)
    )
    return [Record(**dict(zip(Record.__struct_fields__, row, strict=True))) for row in reversed(rows)]
