"""The partition that a request is made for, said by a header (slapos-master 1.6).

It identifies and proves nothing: a partition that is named must belong to who calls.
"""

from collections.abc import Iterable

from sqlalchemy import Connection

from pilothouse.identity.caller import Caller, PartitionKey
from pilothouse.server.api.slap.exchange import Header
from pilothouse.server.master import access, instances
from pilothouse.server.master.errors import InvalidRequestError, NotFoundError

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


def check(connection: Connection, caller: Caller, named: PartitionKey, meant: PartitionKey, now: float) -> None:
    """Refuse a header that names another partition than is meant, and none of the caller's own.

    People, and the local caller, are known without it. Raises ForbiddenError, which the audit log keeps.
    """
    if named == meant:
        return
    if caller.kind == "node":
        access.own_node(connection, caller, named.computer, "speak for", now)
    elif caller.kind == "instance" and _occupant(connection, caller, named) != caller.name:
        subject = f"{named.computer} {named.partition}"
        access.forbid(connection, caller, "speak for", subject, "an instance speaks for itself only", now)


def _occupant(connection: Connection, caller: Caller, place: PartitionKey) -> str:
    try:
        return instances.at(connection, caller, place).guid
    except NotFoundError:
        return ""


def _named(text: str) -> PartitionKey | None:
    pairs = dict(_pair(item) for item in text.split(","))
    if not (computer := pairs.get("computer_id")):
        return None
    if not (partition := pairs.get("computer_partition_id")):
        raise InvalidRequestError(f"No partition matching the authorization header: ({computer} / None)")
    return PartitionKey(computer, partition)


def _pair(item: str) -> tuple[str, str]:
    key, _, value = item.partition("=")
    return key.strip(), value.strip()
