"""Requests for another master: the decision and the bookkeeping; whoever holds the connection asks it (6.10).

The door reads `target`; for a `Forward` it asks the other master over HTTP and then writes `record`; for
`Unlisted` it refuses; for None the request is `pilothouse.server.master.instances.request`'s.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from pilothouse.identity.caller import Caller, PartitionKey
from pilothouse.server.master.requester import requester_of
from pilothouse.services.forwarding import Forward, OtherMaster, Unlisted, forward
from pilothouse.services.instance import InstanceRequest
from pilothouse.store import audit, forwards


def target(
    connection: Connection,
    caller: Caller,
    requester: PartitionKey | None,
    asked: InstanceRequest,
    masters: Sequence[OtherMaster],
    now: float,
    *,
    ours: bool = False,
) -> Forward | Unlisted | None:
    """Return what to ask of which master, None when it is for this one or allocated here already.

    ``ours`` says that the filter's ``master_url`` was found to be this very server. Raises InvalidRequestError,
    ForbiddenError.
    """
    if not masters and not asked.filter.get("master_url"):
        return None
    by = requester_of(connection, caller, requester, now, write=False)
    if by.find(connection, asked.title, shared=asked.shared, lock=False) is not None:
        return None
    return forward(asked, requester.partition if requester else "", masters, ours=ours)


def record(connection: Connection, caller: Caller, done: Forward, now: float) -> None:
    """Remember what another master was asked for, or forget it once it is to be destroyed."""
    title, url = done.request.title, done.master.url
    if done.request.state == "destroyed":
        forwards.remove(connection, title, url)
    else:
        forwards.add(connection, title, url)
    audit.append(connection, caller, "instance.forward", title, {"master": url, "state": done.request.state}, now)
