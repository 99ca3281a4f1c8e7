"""The audit log: one row for every change, each sealed by a hash over itself and the row before it.

Entries are gathered while the work runs and written just before its commit: the chain needs an order over all
transactions, and who holds that order must hold it shortly. What was refused is kept although its work is undone.
"""

import hashlib
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select

from pilothouse.identity.caller import Caller
from pilothouse.store.errors import BrokenChainError
from pilothouse.store.schema import audit
from pilothouse.store.statement import Statement, given, insertion

CUT = "audit cut"
"""The action of the entry that old rows were removed, see `audit_retention`."""

_PENDING = "pilothouse.audit"
_LOCK = 0x70696C6F74  # any number that no other user of the database takes for an advisory lock
_FIELDS = ("at", "caller_kind", "caller", "project", "how", "action", "subject", "detail")
_PAGE = 1000

_LAST = Statement(select(audit.c.hash).order_by(audit.c.id.desc()).limit(1))
_APPEND = Statement(insertion(audit, *_FIELDS, "previous", "hash"))
_ORDER = Statement(select(func.pg_advisory_xact_lock(_LOCK)))
_NEXT = Statement(
    select(audit.c.id, *(audit.c[name] for name in _FIELDS), audit.c.previous, audit.c.hash)
    .where(audit.c.id > given(audit.c.id, "after"))
    .order_by(audit.c.id)
    .limit(_PAGE)
)

_ACTION = _FIELDS.index("action")
_DETAIL = _FIELDS.index("detail")

_encoder = msgspec.json.Encoder(order="deterministic")


class _Cut(msgspec.Struct):
    last: str


class Entry(msgspec.Struct, frozen=True):
    """What was done, or refused, by whom."""

    at: float
    caller: Caller
    action: str
    subject: str
    detail: str
    refused: bool = False


def append(connection: Connection, caller: Caller, action: str, subject: str, detail: object, now: float) -> None:
    """Record a change in the transaction that makes it. ``detail`` is any value of JSON, without secrets."""
    entry = Entry(now, caller, action, subject, _text(detail))
    connection.info.setdefault(_PENDING, []).append(entry)


def refuse(
    connection: Connection, caller: Caller, action: str, subject: str, detail: object, now: float | None = None
) -> None:
    """Record what the caller tried and may not do; it is kept although the work that tried it is undone."""
    at = time.time() if now is None else now
    entry = Entry(at, caller, action, subject, _text(detail), refused=True)
    connection.info.setdefault(_PENDING, []).append(entry)


def mark(connection: Connection) -> int:
    """Return where the gathered entries stand, for `undo`."""
    return len(connection.info.get(_PENDING, ()))


def undo(connection: Connection, marked: int = 0) -> None:
    """Forget what was gathered since ``marked``, except what was refused."""
    if pending := connection.info.get(_PENDING):
        pending[marked:] = [entry for entry in pending[marked:] if entry.refused]


def take(connection: Connection) -> list[Entry]:
    """Return the gathered entries and forget them."""
    return connection.info.pop(_PENDING, None) or []


def put(connection: Connection, entries: Sequence[Entry]) -> None:
    """Gather entries that another connection could not write."""
    connection.info.setdefault(_PENDING, []).extend(entries)


def flush(connection: Connection) -> None:
    """Write what was gathered at the end of the chain; the last thing before a commit."""
    entries = take(connection)
    if not entries:
        return
    if connection.dialect.name == "postgresql":
        _ORDER.first(connection)
    last = _LAST.first(connection)
    previous = str(last[0]) if last else ""
    rows: list[dict[str, Any]] = []
    for entry in entries:
        caller = entry.caller
        action = f"refused: {entry.action}" if entry.refused else entry.action
        fields = (entry.at, caller.kind, caller.name, caller.project, caller.how, action, entry.subject, entry.detail)
        sealed = _seal(previous, fields)
        rows.append({**dict(zip(_FIELDS, fields, strict=True)), "previous": previous, "hash": sealed})
        previous = sealed
    _APPEND.many(connection, rows)


def verify(connection: Connection) -> int:
    """Return how many rows the log has, all sound. Raises BrokenChainError naming the first that is not.

    A log whose oldest rows were cut off has an entry of that. Rows cut off at the new end leave no trace in what is
    left: compare the last hash with a copy kept elsewhere.
    """
    first, follows, previous, after, count = 0, "", "", 0, 0
    cuts = {""}
    while page := _NEXT.rows(connection, after=after):
        for row, *fields, said, sealed in page:
            if not first:
                first, follows, previous = row, said, said
            if said != previous:
                raise BrokenChainError(row, "does not follow the row before it: a row was removed or put in")
            if sealed != _seal(previous, tuple(fields)):
                raise BrokenChainError(row, "was changed after it was written")
            if fields[_ACTION] == CUT:
                cuts.add(_last_removed(fields[_DETAIL]))
            previous, after = sealed, row
        count += len(page)
    if follows not in cuts:
        raise BrokenChainError(first, "does not begin the log, and no entry says that the rows before it were cut off")
    return count


def last_hash(connection: Connection) -> str:
    """Return the hash of the newest row, to be kept elsewhere."""
    last = _LAST.first(connection)
    return str(last[0]) if last else ""


def _seal(previous: str, fields: tuple[Any, ...]) -> str:
    return hashlib.sha256(_encoder.encode((previous, *fields))).hexdigest()


def _last_removed(detail: str) -> str:
    try:
        return msgspec.json.decode(detail, type=_Cut).last
    except msgspec.DecodeError:
        return ""


def _text(detail: object) -> str:
    return detail if isinstance(detail, str) else _encoder.encode(detail).decode()
