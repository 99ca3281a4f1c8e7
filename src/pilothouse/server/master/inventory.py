"""The inventory as people look at it: nodes, releases on them, targets of jobs, and what was said of each."""

from collections.abc import Callable

from sqlalchemy import Connection

from pilothouse.identity.caller import Caller
from pilothouse.identity.permissions import Subject, may
from pilothouse.server.master import reach
from pilothouse.server.master.errors import InvalidRequestError, NotFoundError
from pilothouse.services.texts import bad_text
from pilothouse.store import audit, history_pages, node_pages, nodes, supplies
from pilothouse.store.history_pages import Word
from pilothouse.store.node_pages import Node, Supply, Target
from pilothouse.store.pages import Page

Key = tuple[object, ...] | None


def page(connection: Connection, caller: Caller, count: int, after: Key, text: str = "") -> Page[Node]:
    """Return nodes by project and reference; ``text`` is looked for in reference and title. Raises ForbiddenError."""
    if caller.kind == "node":
        return Page((node(connection, caller, caller.name),), None)
    reach.reads_lists(connection, caller, "nodes")
    keep: Callable[[Node], bool] | None = (lambda row: text in row.reference or text in row.title) if text else None
    return node_pages.COMPUTERS.page(connection, count, after, keep, **reach.projects(caller))


def node(connection: Connection, caller: Caller, reference: str) -> Node:
    """Return one node. Raises NotFoundError, also for one that the caller may not know of."""
    row = node_pages.node(connection, reference)
    if row is None or not may(caller, "read", Subject(project=row.project, computer=reference)):
        raise NotFoundError(f"{reference} is not registered.")
    return row


def acting_on(connection: Connection, caller: Caller, reference: str) -> Caller:
    """Return the caller as the functions of nodes know him: in the node's project. Raises NotFoundError."""
    return reach.acting(caller, node(connection, caller, reference).project)


def words(connection: Connection, caller: Caller, reference: str, count: int, after: Key) -> Page[Word]:
    """Return what was said of a node, the newest first. Raises NotFoundError."""
    return history_pages.MESSAGES.page(
        connection, count, after, kind="node", subject_id=_number(connection, caller, reference)
    )


def release_words(
    connection: Connection, caller: Caller, reference: str, url: str, count: int, after: Key
) -> Page[Word]:
    """Return what was said of a release on a node, the newest first. Raises NotFoundError."""
    listed = supplies.listed(connection, _number(connection, caller, reference))
    found = next((each for each in listed if each.url == url), None)
    if found is None:
        raise NotFoundError(f"{url} was not supplied to {reference}.")
    return history_pages.MESSAGES.page(connection, count, after, kind="supply", subject_id=found.id)


def releases(connection: Connection, caller: Caller, reference: str) -> list[Supply]:
    """Return the releases of one node, in its order. Raises NotFoundError."""
    row = node(connection, caller, reference)
    listed = supplies.listed(connection, _number(connection, caller, reference))
    return [node_pages.supply_of(each, reference, row.project) for each in listed]


def supplied(connection: Connection, caller: Caller, count: int, after: Key, url: str = "") -> Page[Supply]:
    """Return releases on nodes by address; of one address when that is given. Raises ForbiddenError."""
    reach.reads_lists(connection, caller, "supplies")
    only = {"url": url} if url else {}
    project = reach.projects(caller).get("project")
    keep: Callable[[Supply], bool] | None = None if project is None else (lambda row: row.project == project)
    return node_pages.SUPPLIES.page(connection, count, after, keep, **only)


def targets(connection: Connection, caller: Caller, count: int, after: Key) -> Page[Target]:
    """Return the machines that jobs reach, by project and reference. Raises ForbiddenError."""
    reach.reads_lists(connection, caller, "targets")
    return node_pages.TARGETS.page(connection, count, after, None, **reach.projects(caller))


def target(connection: Connection, caller: Caller, reference: str) -> Target:
    """Return how jobs reach a machine. Raises NotFoundError."""
    row = node_pages.target(connection, reference)
    if row is None or not row.host or not may(caller, "read", Subject(project=row.project, computer=reference)):
        raise NotFoundError(f"There is no target {reference}.")
    return row


def put_target(connection: Connection, caller: Caller, asked: Target, now: float) -> Target:
    """Say how jobs reach a machine, which is added when it is new. Raises InvalidRequestError, ForbiddenError."""
    if not asked.reference or not asked.host or any(bad_text(str(each)) for each in asked):
        raise InvalidRequestError("a target needs a reference and a host, in texts that can be stored")
    before = node_pages.target(connection, asked.reference)
    project = before.project if before else caller.project
    reach.demand(connection, caller, "register", Subject(project=project), f"target {asked.reference}")
    owner = before.owner if before else caller.name if caller.kind == "user" else ""
    # a SlapOS computer has the title that it was registered with
    title = before.title if before and _is_computer(connection, asked.reference) else asked.title
    made = asked._replace(project=project, owner=owner, title=title)
    if node_pages.titled(connection, made) not in {None, asked.reference}:
        raise InvalidRequestError(f"{title!r} is the title of another machine; choose one that is free")
    if before is None:
        node_pages.add_target(connection, made, now)
    else:
        node_pages.reach(connection, made)
    detail = {"host": made.host, "port": made.port, "protocol": made.protocol, "username": made.username}
    audit.append(connection, caller, "target.put", asked.reference, detail, now)
    return made


def remove_target(connection: Connection, caller: Caller, reference: str, now: float) -> None:
    """Let jobs no longer reach a machine; one that is a SlapOS computer stays as that. Raises NotFoundError."""
    row = target(connection, caller, reference)
    reach.demand(connection, caller, "register", Subject(project=row.project), f"target {reference}")
    if not node_pages.remove_target(connection, reference):
        node_pages.reach(connection, row._replace(host="", port=None, protocol="", username=""))
    audit.append(connection, caller, "target.remove", reference, "", now)


def _is_computer(connection: Connection, reference: str) -> bool:
    """Whether a machine is a SlapOS computer too."""
    return node_pages.node(connection, reference) is not None


def _number(connection: Connection, caller: Caller, reference: str) -> int:
    node(connection, caller, reference)
    row = nodes.find(connection, reference)
    return row.id if row else 0


def demand_certify(connection: Connection, caller: Caller, reference: str) -> None:
    """Let go on who may make or revoke the certificate of a node. Raises NotFoundError, ForbiddenError."""
    row = node(connection, caller, reference)
    reach.demand(connection, caller, "certify", Subject(project=row.project, computer=reference))
