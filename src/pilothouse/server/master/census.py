"""Instances as people look at them: lists, trees, shared ones, and what was said of each."""

from collections.abc import Callable

from sqlalchemy import Connection

from pilothouse.identity.caller import Caller, PartitionKey
from pilothouse.identity.permissions import Subject, may
from pilothouse.server.master import documents, instances, inventory, reach
from pilothouse.server.master.errors import InvalidRequestError, NotFoundError
from pilothouse.services.instance import InstanceDocument, InstanceRequest, id_of
from pilothouse.services.policy import Policy
from pilothouse.services.states import INSTANCE_STATES
from pilothouse.store import history_pages, instance_pages
from pilothouse.store import instances as rows
from pilothouse.store import nodes as node_rows
from pilothouse.store.history_pages import Word
from pilothouse.store.instance_pages import Entry
from pilothouse.store.instances import InstanceRow
from pilothouse.store.pages import Page

Key = tuple[object, ...] | None
Keep = Callable[[Entry], bool]


def page(
    connection: Connection, caller: Caller, count: int, after: Key, keep: Keep | None = None, *, computer: str = ""
) -> Page[Entry]:
    """Return instances that live, those of one node when it is named. Raises ForbiddenError, NotFoundError."""
    if caller.kind == "node":
        computer = computer or caller.name
    if computer:
        inventory.node(connection, caller, computer)
        node = node_rows.find(connection, computer)
        return instance_pages.ON_NODE.page(connection, count, after, keep, node_id=node.id if node else 0)
    if caller.kind == "instance":
        return Page((_entry(connection, find(connection, caller, caller.name)),), None)
    reach.reads_lists(connection, caller, "instances")
    return instance_pages.ALL.page(connection, count, after, keep, **reach.projects(caller))


def find(connection: Connection, caller: Caller, guid: str) -> InstanceRow:
    """Return an instance that lives. Raises NotFoundError, also for one that the caller may not know of."""
    number = id_of(guid)
    row = None if number is None else rows.by_id(connection, number)
    if row is None or not _sees(connection, caller, row):
        raise NotFoundError(f"No instance {guid} found.")
    return row


def entry(connection: Connection, caller: Caller, guid: str) -> tuple[Entry, InstanceDocument]:
    """Return an instance as lists have it, and with its parameters and connection. Raises NotFoundError."""
    row = find(connection, caller, guid)
    return _entry(connection, row), documents.instance(connection, row)


def tree(connection: Connection, caller: Caller, guid: str, count: int, after: Key) -> Page[Entry]:
    """Return what is below a root, in order of creation. Raises NotFoundError."""
    return instance_pages.OF_TREE.page(connection, count, after, root_id=find(connection, caller, guid).id)


def hosted(connection: Connection, caller: Caller, guid: str, count: int, after: Key) -> Page[Entry]:
    """Return the shared instances that an instance hosts. Raises NotFoundError."""
    return instance_pages.HOSTED.page(connection, count, after, host_id=find(connection, caller, guid).id)


def words(connection: Connection, caller: Caller, guid: str, count: int, after: Key) -> Page[Word]:
    """Return what was said of an instance, the newest first. Raises NotFoundError."""
    row = find(connection, caller, guid)
    return history_pages.MESSAGES.page(connection, count, after, kind="instance", subject_id=row.id)


def request(
    connection: Connection, caller: Caller, asked: InstanceRequest, now: float, policy: Policy
) -> tuple[Entry, InstanceDocument]:
    """Request an instance for a person, as every dialect does. Raises MasterError."""
    reach.demand(connection, caller, "request", Subject(project=caller.project), "instances")
    made = instances.request(connection, caller, None, asked, now, policy=policy)
    row = rows.by_id(connection, made.instance_id)
    if row is None:
        raise NotFoundError(f"{asked.title} is not held by this master.")
    return _entry(connection, row), documents.instance(connection, row)


def change(
    connection: Connection, caller: Caller, guid: str, state: str, now: float, policy: Policy
) -> tuple[Entry, InstanceDocument]:
    """Ask that a root be started, stopped or destroyed; all else stays. Raises InvalidRequestError, NotFoundError."""
    row = find(connection, caller, guid)
    if state not in INSTANCE_STATES:
        raise InvalidRequestError(f"{state!r} is no state; allowed: {', '.join(INSTANCE_STATES)}")
    if row.root_id is not None:
        raise InvalidRequestError(f"{guid} was requested by another instance; ask for its root's state")
    asked = InstanceRequest(
        title=row.title,
        software_url=row.software_url,
        software_type=row.software_type,
        parameters=documents.texts(row.parameters),
        filter=documents.texts(row.filter),
        state=next(each for each in INSTANCE_STATES if each == state),
        shared=bool(row.shared),
    )
    return request(connection, reach.acting(caller, row.project), asked, now, policy)


def bang(connection: Connection, caller: Caller, guid: str, message: str, now: float) -> None:
    """Have the whole tree of an instance processed again. Raises NotFoundError, ForbiddenError."""
    row = find(connection, caller, guid)
    place = PartitionKey(row.computer, row.place)
    instances.bang(connection, reach.acting(caller, row.project), place, message, now)


def _entry(connection: Connection, row: InstanceRow) -> Entry:
    found = instance_pages.entry(connection, row.id)
    if found is None:
        raise NotFoundError(f"No instance {row.id} found.")
    return found


def _sees(connection: Connection, caller: Caller, row: InstanceRow) -> bool:
    guid = f"SOFTINST-{row.id}"
    tree_of = frozenset({guid})
    if caller.kind == "instance" and (own := id_of(caller.name)) is not None:
        mine = rows.by_id(connection, own)
        if mine is not None and (mine.root_id or mine.id) == (row.root_id or row.id):
            tree_of |= {caller.name}
    return may(caller, "read", Subject(project=row.project, computer=row.computer, instance=guid, tree=tree_of))
