"""What nodes report as used (slapos-master 11)."""

from collections.abc import Sequence

from sqlalchemy import Connection

from pilothouse.identity.caller import Caller
from pilothouse.server.master import access
from pilothouse.slap.tio import Transaction
from pilothouse.store import audit, usage


def report(
    connection: Connection,
    caller: Caller,
    computer: str,
    journal: Sequence[Transaction],
    document: str,
    now: float,
) -> None:
    """Keep a node's report, which was found to fit its schema. Raises NotFoundError, ForbiddenError."""
    node = access.node(connection, caller, computer, "usage.report", now, change=True)
    references = [transaction.reference for transaction in journal]
    usage.add(connection, node.id, computer, references, document, now)
    movements = sum(len(transaction.movements) for transaction in journal)
    audit.append(connection, caller, "usage.report", computer, {"movements": movements}, now)
