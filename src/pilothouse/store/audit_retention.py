"""The old end of the audit log is cut off, and the log itself says so: the chain can still be checked (headless 12).

The entry of a cut holds the hash of the last row removed, which is what the first row kept follows.
"""

from typing import Final

from sqlalchemy import Connection, delete, select

from pilothouse.identity.caller import Caller
from pilothouse.store import audit
from pilothouse.store.schema import audit as table
from pilothouse.store.statement import Statement, given

_PAGE: Final = 1000
_OLDEST = Statement(
    select(table.c.id, table.c.at, table.c.hash)
    .where(table.c.id > given(table.c.id, "after"))
    .order_by(table.c.id)
    .limit(_PAGE)
)
_NEWEST = Statement(select(table.c.id).order_by(table.c.id.desc()).limit(1))
_REMOVE = Statement(delete(table).where(table.c.id <= given(table.c.id, "last")))


def cut(connection: Connection, before: float, caller: Caller, now: float) -> int:
    """Remove the rows older than ``before``, but never the newest; returns how many. Raises nothing of its own."""
    newest = _NEWEST.first(connection)
    if newest is None:
        return 0
    last, sealed, count = 0, "", 0
    while page := _OLDEST.rows(connection, after=last):
        for row, at, found in page:
            if at >= before or row == newest[0]:
                break
            last, sealed, count = row, found, count + 1
        else:
            continue
        break
    if count:
        _REMOVE.run(connection, last=last)
        audit.append(connection, caller, audit.CUT, "audit", {"rows": count, "through": last, "last": sealed}, now)
    return count
