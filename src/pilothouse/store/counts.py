"""How many there are."""

from sqlalchemy import Connection, func, select

from pilothouse.services.states import INSTANCE_STATES
from pilothouse.store.schema import instances
from pilothouse.store.statement import Statement

_STATES = Statement(
    select(instances.c.state, func.count()).where(instances.c.freed_at.is_(None)).group_by(instances.c.state)
)


def instances_by_state(connection: Connection) -> dict[str, int]:
    """Return the number of instances in each state they may be asked to have; it reads them all, so ask seldom."""
    return {**dict.fromkeys(INSTANCE_STATES, 0), **dict(_STATES.rows(connection))}
