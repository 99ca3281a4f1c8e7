"""The partition that a request is made for, said by a header (slapos-master 1.6).

It identifies and proves nothing: a partition that is named must belong to who calls.
"""

from collections.abc import Iterable

from sqlalchemy import Connection

from pilothouse.identity.caller import Caller, PartitionKey
from pilothouse.server.api.slap.exchange import Header
from pilothouse.server.master.errors import ForbiddenError, InvalidRequestError
from pilothouse.store import audit

SCHEME = "x-slappartition"


def from_headers(headers: Iterable[Header]) -> PartitionKey | None:
    """Return the partition that an ``Authorization: X-SlapPartition`` header names.

    Other schemes, and headers without a computer, say nothing. Raises InvalidRequestError without a partition.
    """
    for name, value in headers:
        if name != b"authorization":
            continue
        scheme, _, rest = value.decode("latin-1").strip().partition(" ")
        if scheme.lower() == SCHEME:
            return _named(rest)
    return None


def unknown(computer: str, partition: str | None) -> InvalidRequestError:
    """Return the refusal of a header that names no partition there is, in the exact words."""
    return InvalidRequestError(f"No partition matching the authorization header: ({computer} / {partition})")


def check(connection: Connection, caller: Caller, place: PartitionKey, guid: str | None, now: float) -> None:
    """Refuse a partition that is not the caller's own; ``guid`` is that of its occupant.

    People and the local caller may speak for partitions as far as the master lets them.
    Raises ForbiddenError, and leaves that in the audit log.
    """
    own = {"node": place.computer == caller.name, "instance": guid is not None and guid == caller.name}
    if not own.get(caller.kind, True):
        audit.refuse(connection, caller, "speak for", f"{place.computer}/{place.partition}", {"header": SCHEME}, now)
        raise ForbiddenError(
            f"{caller.kind} {caller.name} may not speak for partition {place.partition} of {place.computer}"
        )


def _named(text: str) -> PartitionKey | None:
    pairs = dict(_pair(item) for item in text.split(","))
    if not (computer := pairs.get("computer_id")):
        return None
    if not (partition := pairs.get("computer_partition_id")):
        raise unknown(computer, None)
    return PartitionKey(computer, partition)


def _pair(item: str) -> tuple[str, str]:
    key, _, value = item.partition("=")
    return key.strip(), value.strip()
