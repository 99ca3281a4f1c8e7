"""What nodes report as used, and the statements that are made of it (slapos-master 11)."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection

from pilothouse.errors import UsageError
from pilothouse.identity.caller import Caller
from pilothouse.identity.permissions import Subject, may, unconfined
from pilothouse.server.master import access
from pilothouse.server.master.errors import InvalidRequestError, NotFoundError
from pilothouse.services import statement
from pilothouse.services.instance import id_of
from pilothouse.services.statement import Scope, Statement
from pilothouse.services.usage import Movement, Transaction, counts_at
from pilothouse.store import audit, nodes, usage
from pilothouse.store.nodes import NodeRow
from pilothouse.store.pages import Page
from pilothouse.store.usage import Place, ReportRow

_ONLY = {"user": "owner", "computer": "computer", "instance": "instance_id"}


def report(
    connection: Connection,
    caller: Caller,
    computer: str,
    journal: Sequence[Transaction],
    document: str,
    now: float,
) -> None:
    """Keep a node's report, which was found to fit its schema; the same report again is the same.

    A movement belongs to the instance that its reference names, by partition or guid, and to the node otherwise.
    Raises NotFoundError, and ForbiddenError when it names an instance of another node.
    """
    node = access.node(connection, caller, computer, "usage.report", now, change=True)
    reference = journal[0].reference if journal else ""
    if usage.find(connection, computer, reference, document) is not None:
        return
    number = usage.add(connection, node.id, computer, reference, document, now)
    movements = list(_movements(connection, caller, node, number, journal, now))
    usage.add_movements(connection, movements)
    audit.append(connection, caller, "usage.report", computer, {"report": number, "movements": len(movements)}, now)


def make(connection: Connection, caller: Caller, month: str, scope: Scope, subject: str) -> Statement:
    """Return a month's statement. Raises InvalidRequestError, NotFoundError, ForbiddenError.

    Everybody sees what is his own; others' usage is for who may read in the project where it was.
    """
    try:
        begin, end = statement.bounds(month)
    except UsageError as error:
        raise InvalidRequestError(str(error)) from error
    only = _only(connection, caller, scope, subject)
    return statement.make(month, scope, subject, usage.sums(connection, begin, end, **only))


def document(connection: Connection, caller: Caller, report_id: int) -> str:
    """Return a report as it came in. Raises NotFoundError, ForbiddenError."""
    found = usage.document(connection, report_id)
    if found is None:
        raise NotFoundError(f"There is no usage report {report_id}.")
    computer, text = found
    _readable_node(connection, caller, computer)
    return text


def reports(
    connection: Connection, caller: Caller, computer: str, count: int, after: tuple[object, ...] | None
) -> Page[ReportRow]:
    """Return the reports of a node, the newest first. Raises NotFoundError."""
    row = _readable_node(connection, caller, computer)
    return usage.REPORTS.page(connection, count, after, node_id=row.id)


def _movements(
    connection: Connection, caller: Caller, node: NodeRow, number: int, journal: Sequence[Transaction], now: float
) -> Iterator[dict[str, Any]]:
    position = 0
    places: dict[str, Place | None] = {}
    for transaction in journal:
        for movement in transaction.movements:
            if movement.reference not in places:
                places[movement.reference] = _place(connection, caller, node, movement.reference, now)
            yield {
                "report_id": number,
                "position": position,
                "computer": node.reference,
                "at": counts_at(transaction, now),
                **_whose(node, places[movement.reference]),
                **_what(transaction, movement),
            }
            position += 1


def _whose(node: NodeRow, place: Place | None) -> dict[str, Any]:
    if place is None:
        return {"instance_id": None, "owner": node.owner, "project": node.project}
    return {"instance_id": place.id, "owner": place.owner, "project": place.project}


def _what(transaction: Transaction, movement: Movement) -> dict[str, Any]:
    return {
        "start": transaction.start,
        "stop": transaction.stop,
        "currency": transaction.currency,
        "resource": movement.resource,
        "title": movement.title,
        "reference": movement.reference,
        "quantity": movement.quantity,
        "price": movement.price,
        "vat": movement.vat,
        "category": ", ".join(movement.categories or transaction.categories),
    }


def _place(connection: Connection, caller: Caller, node: NodeRow, reference: str, now: float) -> Place | None:
    """Return the instance that a movement's reference names, None for what the node used itself."""
    if reference in {"", node.reference}:
        return None
    number = id_of(reference)
    if number is None:
        return usage.at_place(connection, node.id, reference)
    place = usage.by_id(connection, number)
    if place is not None and place.node_id != node.id:
        access.forbid(connection, caller, "usage.report", reference, f"it is not on {node.reference}", now)
    return place


def _only(connection: Connection, caller: Caller, scope: Scope, subject: str) -> dict[str, object]:
    """Return to what the sums are confined. Raises NotFoundError, InvalidRequestError, ForbiddenError."""
    if (scope == "all") == bool(subject):
        raise InvalidRequestError("name one user, computer or instance, or none of them for all")
    if scope == "computer":
        return {"computer": subject, **_within(caller, _readable_node(connection, caller, subject).project)}
    if scope == "instance":
        number = id_of(subject)
        place = None if number is None else usage.by_id(connection, number)
        if number is None or place is None or not _reads(caller, place, subject):
            raise NotFoundError(f"No instance {subject} found.")
        return {"instance_id": number}
    if scope == "user" and caller.kind == "user" and subject == caller.name:
        return {"owner": subject}
    if not may(caller, "read", Subject(project=caller.project)):
        access.forbid(connection, caller, "usage.read", subject or scope, "a role in the project is needed")
    return {**({"owner": subject} if scope == "user" else {}), **_within(caller, caller.project)}


def _readable_node(connection: Connection, caller: Caller, computer: str) -> NodeRow:
    row = nodes.find(connection, computer)
    if row is None or not may(caller, "read", Subject(project=row.project, computer=computer)):
        raise NotFoundError(f"{computer} is not registered.")
    return row


def _reads(caller: Caller, place: Place, guid: str) -> bool:
    if caller.kind == "user" and place.owner == caller.name:
        return True
    return may(caller, "read", Subject(project=place.project, instance=guid))


def _within(caller: Caller, project: str) -> dict[str, object]:
    """Confine to a project whoever may not read everywhere; a node reads what is on it, whosever that is."""
    return {} if unconfined(caller) or caller.kind in {"node", "instance"} else {"project": project}
