"""What was said and done, page by page, the newest first."""

from sqlalchemy import select

from pilothouse.store.history import Record
from pilothouse.store.pages import Listing
from pilothouse.store.schema import audit, messages
from pilothouse.store.statement import given

Word = tuple[int, float, str, str, str]
"""Number, time, who, state and text of something that was said."""

_RECORD = [audit.c["id" if name == "row" else name] for name in Record.__struct_fields__]


def _record(row: "tuple[object, ...]") -> Record:
    return Record(**dict(zip(Record.__struct_fields__, row, strict=True)))  # type: ignore[arg-type]


AUDIT: Listing[Record] = Listing(
    select(audit.c.id, *_RECORD),
    (audit.c.id,),
    _record,
    {"subject": audit.c.subject == given(audit.c.subject)},
    newest_first=True,
)
AUDIT_OF: Listing[Record] = Listing(
    select(audit.c.id, *_RECORD).where(
        audit.c.caller_kind == given(audit.c.caller_kind), audit.c.caller == given(audit.c.caller)
    ),
    (audit.c.id,),
    _record,
    newest_first=True,
)
MESSAGES: Listing[Word] = Listing(
    select(messages.c.id, messages.c.id, messages.c.at, messages.c.who, messages.c.state, messages.c.text).where(
        messages.c.kind == given(messages.c.kind), messages.c.subject_id == given(messages.c.subject_id)
    ),
    (messages.c.id,),
    lambda row: (row[0], row[1], row[2], row[3], row[4]),
    newest_first=True,
)
