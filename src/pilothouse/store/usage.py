"""Consumption reports as they came in; what they mean for whom is worked out from the documents."""

from collections.abc import Sequence

from sqlalchemy import Connection

from pilothouse.store.schema import usage_reports
from pilothouse.store.statement import Statement, insertion

_ADD = Statement(insertion(usage_reports, "node_id", "computer", "reference", "received", "document"))


def add(
    connection: Connection, node_id: int, computer: str, references: Sequence[str], document: str, received: float
) -> None:
    """Keep a report; ``references`` are those of its transactions, and the first one names it."""
    _ADD.run(
        connection,
        node_id=node_id,
        computer=computer,
        reference=references[0] if references else "",
        received=received,
        document=document,
    )
