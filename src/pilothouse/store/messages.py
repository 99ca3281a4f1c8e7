"""The last word on a node, an instance or a release, and all the words before it."""

from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Table, select, update

from pilothouse.store.schema import instances, messages, nodes, supplies
from pilothouse.store.statement import Statement, given, insertion

Kind = Literal["node", "instance", "supply"]

_TABLES: dict[Kind, Table] = {"node": nodes, "instance": instances, "supply": supplies}


class Said(NamedTuple):
    """The last word; ``at`` is when it was last said, ``since`` when it was first said like this."""

    by: str
    text: str
    reported: str
    at: float | None
    since: float | None


def _columns(table: Table) -> list[Any]:
    return [table.c[name] for name in ("status_by", "status_text", "reported", "status_at", "status_since")]


_LAST = {
    kind: Statement(select(*_columns(table)).where(table.c.id == given(table.c.id))) for kind, table in _TABLES.items()
}
_SAY = {
    kind: Statement(
        update(table)
        .where(table.c.id == given(table.c.id, "key"))
        .values(
            status_by=given(table.c.status_by, "who"),
            status_text=given(table.c.status_text, "said"),
            reported=given(table.c.reported, "state"),
            status_at=given(table.c.status_at, "now"),
            status_since=given(table.c.status_since, "since"),
        )
    )
    for kind, table in _TABLES.items()
}
_SEEN = {
    kind: Statement(
        update(table).where(table.c.id == given(table.c.id, "key")).values(status_at=given(table.c.status_at, "now"))
    )
    for kind, table in _TABLES.items()
}
_ADD = Statement(insertion(messages, "kind", "subject_id", "at", "who", "state", "text"))
_HISTORY = Statement(
    select(messages.c.at, messages.c.who, messages.c.state, messages.c.text)
    .where(messages.c.kind == given(messages.c.kind), messages.c.subject_id == given(messages.c.subject_id))
    .order_by(messages.c.id.desc())
    .limit(given(messages.c.id, "count"))
)


def last(connection: Connection, kind: Kind, subject_id: int) -> Said:
    """Return the last word on something that exists."""
    row = _LAST[kind].only(connection, id=subject_id)
    return Said(*row)


def say(
    connection: Connection,
    kind: Kind,
    subject_id: int,
    who: str,
    state: str,
    text: str,
    now: float,
    *,
    detail: str = "",
) -> bool:
    """Record what is said; returns whether it is news. What is only said again leaves no further row.

    ``detail`` is for the history only.
    """
    before = last(connection, kind, subject_id)
    if before.at is not None and (before.by, before.reported, before.text) == (who, state, text):
        _SEEN[kind].run(connection, key=subject_id, now=now)
        return False
    _SAY[kind].run(connection, key=subject_id, who=who, said=text, state=state, now=now, since=now)
    _ADD.run(
        connection,
        kind=kind,
        subject_id=subject_id,
        at=now,
        who=who,
        state=state,
        text=f"{text}\n{detail}" if detail else text,
    )
    return True


def history(connection: Connection, kind: Kind, subject_id: int, count: int) -> list[tuple[float, str, str, str]]:
    """Return the latest ``count`` words with time, who and state, newest first."""
    found = _HISTORY.rows(connection, kind=kind, subject_id=subject_id, count=count)
    return [(at, who, state, text) for at, who, state, text in found]
