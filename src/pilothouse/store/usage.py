"""Consumption reports and their movements, each report once, and the sums that statements are made of."""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, literal_column, select

from pilothouse.services.statement import Used
from pilothouse.store.pages import Listing
from pilothouse.store.schema import instances, usage_movements, usage_reports
from pilothouse.store.statement import Statement, given, insertion


class Place(NamedTuple):
    """An instance that is, or was, somewhere: whom its usage belongs to."""

    id: int
    owner: str
    project: str
    node_id: int | None


class ReportRow(NamedTuple):
    """One report as it is listed."""

    id: int
    computer: str
    reference: str
    received: float
    digest: str


_ADD = Statement(
    insertion(usage_reports, "node_id", "computer", "reference", "digest", "received", "document").returning(
        usage_reports.c.id
    )
)
_FIND = Statement(
    select(usage_reports.c.id).where(
        usage_reports.c.computer == given(usage_reports.c.computer),
        usage_reports.c.reference == given(usage_reports.c.reference),
        usage_reports.c.digest == given(usage_reports.c.digest),
    )
)
_MOVEMENT = (
    "report_id", "position", "instance_id", "owner", "project", "computer", "start", "stop", "at", "resource", "title",
    "reference", "quantity", "price", "currency", "vat", "category",
)  # fmt: skip
_ADD_MOVEMENT = Statement(insertion(usage_movements, *_MOVEMENT))
_PLACE = [instances.c[name] for name in Place._fields]
_AT_PLACE = Statement(
    select(*_PLACE)
    .where(
        instances.c.node_id == given(instances.c.node_id),
        instances.c.place == given(instances.c.place),
        instances.c.shared.is_(False),
    )
    .order_by(instances.c.id.desc())
    .limit(1)
)
_BY_ID = Statement(select(*_PLACE).where(instances.c.id == given(instances.c.id)))
REPORTS: Listing[ReportRow] = Listing(
    select(usage_reports.c.id, *(usage_reports.c[name] for name in ReportRow._fields)),
    (usage_reports.c.id,),
    lambda row: ReportRow(*row),
    {"node_id": usage_reports.c.node_id == given(usage_reports.c.node_id)},
    newest_first=True,
)
_DOCUMENT = Statement(
    select(usage_reports.c.computer, usage_reports.c.document).where(usage_reports.c.id == given(usage_reports.c.id))
)

_GROUPS = [usage_movements.c[name] for name in ("owner", "computer", "instance_id")]
_TITLE = func.coalesce(func.max(instances.c.title), literal_column("''"))
_KINDS = [usage_movements.c[name] for name in ("resource", "currency", "vat", "price")]
_SUMS = (
    select(*_GROUPS, _TITLE, *_KINDS, func.sum(usage_movements.c.quantity), func.count())
    .select_from(usage_movements.outerjoin(instances, instances.c.id == usage_movements.c.instance_id))
    .where(
        usage_movements.c.at >= given(usage_movements.c.at, "begin"),
        usage_movements.c.at < given(usage_movements.c.at, "end"),
    )
    .group_by(*_GROUPS, *_KINDS)
)
_ONLY = {
    name: usage_movements.c[name] == given(usage_movements.c[name])
    for name in ("owner", "computer", "instance_id", "project")
}
_BY = {
    frozenset(names): Statement(_SUMS.where(*(_ONLY[name] for name in names)))
    for subject in ((), ("owner",), ("computer",), ("instance_id",))
    for names in (subject, (*subject, "project"))
}


def digest(document: str) -> str:
    """Return by what a report is known when it comes again."""
    return hashlib.sha256(document.encode("utf-8", "surrogatepass")).hexdigest()


def find(connection: Connection, computer: str, reference: str, document: str) -> int | None:
    """Return the number of this very report, None when it is new."""
    row = _FIND.first(connection, computer=computer, reference=reference, digest=digest(document))
    return int(row[0]) if row else None


def add(connection: Connection, node_id: int, computer: str, reference: str, document: str, received: float) -> int:
    """Keep a report; returns its number."""
    row = _ADD.only(
        connection,
        node_id=node_id,
        computer=computer,
        reference=reference,
        digest=digest(document),
        received=received,
        document=document,
    )
    return int(row[0])


def add_movements(connection: Connection, movements: Sequence[dict[str, Any]]) -> None:
    """Keep the movements of a report; each has a value for every column."""
    _ADD_MOVEMENT.many(connection, movements)


def at_place(connection: Connection, node_id: int, place: str) -> Place | None:
    """Return the latest instance that is, or was, in this partition."""
    row = _AT_PLACE.first(connection, node_id=node_id, place=place)
    return Place(*row) if row else None


def by_id(connection: Connection, instance_id: int) -> Place | None:
    """Return an instance that lives, or lived."""
    row = _BY_ID.first(connection, id=instance_id)
    return Place(*row) if row else None


def document(connection: Connection, report_id: int) -> tuple[str, str] | None:
    """Return the computer of a report, and the report as it came in."""
    row = _DOCUMENT.first(connection, id=report_id)
    return (str(row[0]), str(row[1])) if row else None


def sums(connection: Connection, begin: float, end: float, **only: object) -> list[Used]:
    """Return what was used from ``begin`` up to ``end``, summed by the database.

    ``only`` may name one of owner, computer and instance_id, and the project.
    """
    rows = _BY[frozenset(only)].rows(connection, begin=begin, end=end, **only)
    return [_used(row) for row in rows]


def _used(row: Sequence[Any]) -> Used:
    owner, computer, instance_id, title, resource, currency, vat, price, quantity, movements = row
    return Used(
        user=owner,
        computer=computer,
        instance="" if instance_id is None else f"SOFTINST-{instance_id}",
        instance_title=title,
        resource=resource,
        currency=currency,
        vat=vat,
        price=price,
        quantity=quantity,
        movements=movements,
    )
