"""For whom something is requested: a person, or the instance in a partition (slapos-master 1.6)."""

from typing import NamedTuple

from sqlalchemy import Connection

from pilothouse.identity.caller import Caller, PartitionKey
from pilothouse.server.master import access
from pilothouse.server.master.errors import InvalidRequestError, NotAllocatedError
from pilothouse.services.instance import id_of
from pilothouse.services.policy import Policy
from pilothouse.services.states import InstanceState
from pilothouse.services.tree import too_big
from pilothouse.store import instances, partitions
from pilothouse.store.instances import InstanceRow


class Requester(NamedTuple):
    """Where what is requested will belong; without an ``instance`` it becomes a root."""

    project: str
    owner: str
    instance: InstanceRow | None = None

    @property
    def root_id(self) -> int | None:
        """The root of the requesting tree."""
        return None if self.instance is None else self.instance.root_id or self.instance.id

    @property
    def root_title(self) -> str:
        """The title of that root, empty for a person."""
        return "" if self.instance is None else self.instance.root_title

    @property
    def root_state(self) -> InstanceState | None:
        """The state of that root, which binds its children."""
        return None if self.instance is None else self.instance.root_state  # type: ignore[return-value]

    def find(self, connection: Connection, title: str, *, shared: bool, lock: bool) -> InstanceRow | None:
        """Return what was requested here under this title before."""
        root_id = self.root_id
        if root_id is None:
            return instances.root(connection, self.project, title, shared=shared, lock=lock)
        return instances.member(connection, root_id, title, shared=shared, lock=lock)

    def demand_room(self, connection: Connection, title: str, policy: Policy) -> int:
        """Return the depth of a new instance. Raises NotAllocatedError when the tree may not grow."""
        if self.instance is None or self.root_id is None:
            return 0
        instances.by_id(connection, self.root_id, lock=True)  # so that no two requests take the last place
        depth = self.instance.depth + 1
        reason = too_big(instances.size(connection, self.root_id, policy.members), depth, policy)
        if reason:
            raise NotAllocatedError(f"No free computer partition found for: {title}", reason)
        return depth


def requester_of(
    connection: Connection, caller: Caller, place: PartitionKey | None, now: float, *, write: bool = True
) -> Requester:
    """Return for whom the caller requests. Raises InvalidRequestError for a partition nobody knows, ForbiddenError.

    A known partition that is free requests nothing: it counts as a person (1.6).
    """
    action = "instance.request"
    if caller.kind == "instance":
        return _itself(connection, caller, place, now)
    if place is None:
        if caller.kind == "node":
            access.forbid(connection, caller, action, caller.name, "a node requests for its partitions only", now)
        if write:
            access.demand_role(connection, caller, action, caller.project, now)
        return Requester(caller.project, caller.name if caller.kind == "user" else "")
    access.own_node(connection, caller, place.computer, action, now)
    row = instances.at(connection, place.computer, place.partition)
    if row is not None and access.instance(connection, caller, row, action, now, change=write):
        return Requester(row.project, row.owner, row)
    found = None if row is not None else partitions.find(connection, place.computer, place.partition)
    if found is None or (caller.kind == "user" and not access.sees(caller, found[1])):
        raise InvalidRequestError(
            f"No partition matching the authorization header: ({place.computer} / {place.partition})"
        )
    if write:
        access.demand_role(connection, caller, action, place.computer, now)
    return Requester(found[1], caller.name if caller.kind == "user" else "")


def _itself(connection: Connection, caller: Caller, place: PartitionKey | None, now: float) -> Requester:
    own = id_of(caller.name)
    row = None if own is None else instances.by_id(connection, own)
    if row is None:
        access.forbid(connection, caller, "instance.request", caller.name, "this instance is gone", now)
    if place is not None and (place.computer, place.partition) != (row.computer, row.place):
        subject = f"{place.computer} {place.partition}"
        access.forbid(connection, caller, "instance.request", subject, "an instance speaks for itself only", now)
    return Requester(row.project, row.owner, row)
