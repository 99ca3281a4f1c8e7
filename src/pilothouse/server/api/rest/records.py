"""``/certificates``, ``/audit``: what was issued, and who changed what."""

from typing import Annotated

import msgspec
from litestar.params import FromPath, QueryParameter
from msgspec import Meta

from pilothouse.server import people
from pilothouse.server.api.rest import cursors
from pilothouse.server.api.rest.cursors import USUAL, After, Limit
from pilothouse.server.api.rest.desk import AtDesk, creating, reading, removing
from pilothouse.server.api.rest.words import MaybeSeconds, Next, Seconds
from pilothouse.store.history import Record


class Certificate(msgspec.Struct, frozen=True):
    """One certificate that the authority issued."""

    serial: Annotated[str, Meta(examples=["7b1f"])]
    kind: Annotated[str, Meta(description="user, node or instance", examples=["node"])]
    name: Annotated[str, Meta(examples=["COMP-1"])]
    issued: Seconds
    expires: Seconds
    revoked: MaybeSeconds


class Certificates(msgspec.Struct, frozen=True):
    """Some certificates."""

    items: list[Certificate]
    next: Next = None


class AuditEntry(msgspec.Struct, frozen=True):
    """One row of the audit log."""

    row: int
    at: Seconds
    caller: Annotated[str, Meta(examples=["user:ann"])]
    project: str
    how: str
    action: Annotated[str, Meta(examples=["software.supply"])]
    subject: Annotated[str, Meta(examples=["COMP-1"])]
    detail: Annotated[str, Meta(description="JSON, or nothing")]


class Audit(msgspec.Struct, frozen=True):
    """Some of the audit log, the newest first."""

    items: list[AuditEntry]
    next: Next = None


class Verified(msgspec.Struct, frozen=True):
    """The whole audit log is sound."""

    rows: int
    last: Annotated[str, Meta(description="keep it elsewhere: rows cut off at the end leave no other trace")]


@reading("/certificates", "List certificates", "All, or those of one holder: name it by kind and name.",
         tags=["certificates"])  # fmt: skip
async def list_certificates(
    desk: AtDesk,
    after: After = "",
    limit: Limit = USUAL,
    kind: Annotated[str, QueryParameter(description="user, node or instance; with a name", max_length=20)] = "",
    name: Annotated[str, QueryParameter(description="of the holder; with a kind", max_length=200)] = "",
) -> Certificates:
    """List certificates."""
    key = cursors.read(after, str)
    page = await desk.read(lambda connection, caller: people.certificates(connection, caller, limit, key, kind, name))
    return Certificates([Certificate(*each) for each in page.items], cursors.written(page.after))


@removing("/certificates/{serial:str}", "Revoke a certificate", tags=["certificates"], status_code=204)
async def revoke_certificate(desk: AtDesk, serial: FromPath[str]) -> None:
    """Revoke a certificate."""
    await desk.write(lambda connection, caller, now: people.revoke_certificate(connection, caller, serial, now))


@reading("/audit", "List the audit log", "The newest first.", tags=["audit"])
async def list_audit(
    desk: AtDesk,
    after: After = "",
    limit: Limit = USUAL,
    subject: Annotated[str, QueryParameter(description="only what was done to this", max_length=300)] = "",
    caller: Annotated[str, QueryParameter(description="only what this one did, as kind:name", max_length=300)] = "",
) -> Audit:
    """List the audit log."""
    key = cursors.read(after, int)
    page = await desk.read(lambda connection, who: people.entries(connection, who, limit, key, subject, caller))
    return Audit([_entry(each) for each in page.items], cursors.written(page.after))


@creating("/audit/verify", "Check the audit log", "Reads all of it; 409 names the first row that is not sound.",
          tags=["audit"], status_code=200)  # fmt: skip
async def verify_audit(desk: AtDesk) -> Verified:
    """Check the audit log."""
    return Verified(*await desk.read(people.verify))


def _entry(row: Record) -> AuditEntry:
    who = f"{row.caller_kind}:{row.caller}"
    return AuditEntry(row.row, row.at, who, row.project, row.how, row.action, row.subject, row.detail)


HANDLERS = [list_certificates, revoke_certificate, list_audit, verify_audit]
