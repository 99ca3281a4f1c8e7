"""Releases on nodes: supplied by people, reported on by nodes."""

from sqlalchemy import Connection

from pilothouse.identity.caller import Caller
from pilothouse.server.master import access, documents
from pilothouse.server.master.errors import InvalidRequestError, NotFoundError
from pilothouse.services.node import Software, Status
from pilothouse.services.states import SOFTWARE_STATES, ReportedSoftwareState, SoftwareState
from pilothouse.services.texts import bad_text
from pilothouse.services.wording import software_status
from pilothouse.store import audit, messages, nodes, products, supplies


def supply(connection: Connection, caller: Caller, computer: str, url: str, state: SoftwareState, now: float) -> None:
    """Ask that ``url`` be on the node, or be removed; asking again moves it to the end of the list (2.5).

    Raises InvalidRequestError, NotFoundError, ForbiddenError.
    """
    if state not in SOFTWARE_STATES:
        raise InvalidRequestError(f"{state!r} is no state of a release; allowed: {', '.join(SOFTWARE_STATES)}")
    if not url or bad_text(url):
        raise InvalidRequestError("a release needs an address that can be stored; the one given is empty or broken")
    if caller.kind == "node":
        access.forbid(connection, caller, "software.supply", computer, "people supply releases", now)
    row = access.node(connection, caller, computer, "software.supply", now, change=True, lock=True)
    found = supplies.find(connection, row.id, url)
    if found is None:
        supplies.add(connection, row.id, url, state)
    else:
        supplies.move(connection, found, state)
    nodes.touch(connection, row.id)
    audit.append(connection, caller, "software.supply", computer, {"software": url, "state": state}, now)


def listed(connection: Connection, caller: Caller, computer: str) -> list[Software]:
    """Return the releases of a node in order. Raises NotFoundError for an unknown node."""
    row = access.node(connection, caller, computer, "software.read")
    return [documents.software(computer, each) for each in supplies.listed(connection, row.id)]


def report(
    connection: Connection,
    caller: Caller,
    computer: str,
    url: str,
    state: ReportedSoftwareState,
    text: str,
    now: float,
) -> None:
    """Record what a node says of a release; ``destroyed`` removes one whose removal was asked (15.2).

    Raises NotFoundError when ``destroyed`` is said of what nobody asked to destroy. ``text`` of an error is kept
    in the history; the status itself is the one line that clients know.
    """
    row = access.node(connection, caller, computer, "software.report", now, change=True, lock=True)
    found = supplies.find(connection, row.id, url)
    if found is None or (state == "destroyed" and found.state != "destroyed"):
        raise NotFoundError(f"{url} is not to be destroyed on {computer}; supply it with the state destroyed first")
    if state == "destroyed":
        supplies.remove(connection, found.id)
        audit.append(connection, caller, "software.removed", computer, {"software": url}, now)
        nodes.touch(connection, row.id)
        return
    said = software_status(state, url)
    if messages.say(connection, "supply", found.id, computer, state, said, now, detail=text.replace("\0", "")):
        nodes.touch(connection, row.id)


def status(connection: Connection, caller: Caller, computer: str, url: str) -> Status:
    """Return the last word on a release (15.3). Raises NotFoundError."""
    row = access.node(connection, caller, computer, "software.read")
    found = supplies.find(connection, row.id, url)
    if found is None:
        raise NotFoundError(f"{url} was not supplied to {computer}.")
    return documents.status(url, messages.last(connection, "supply", found.id), found.state)


def releases_of_product(
    connection: Connection,
    caller: Caller,  # noqa: ARG001  products are everybody's
    product: str,
) -> list[str]:
    """Return the URLs of a product, newest first, none for one that is unknown (2.10)."""
    return products.urls(connection, product)


def releases_beside(
    connection: Connection,
    caller: Caller,  # noqa: ARG001  products are everybody's
    url: str,
) -> list[str]:
    """Return the URLs of the product that a release belongs to, newest first."""
    name = products.of_release(connection, url)
    return [] if name is None else products.urls(connection, name)


def add_to_product(connection: Connection, caller: Caller, product: str, url: str, now: float) -> None:
    """Make a release the newest of a product. Raises ForbiddenError."""
    if caller.kind in {"node", "instance"}:
        access.forbid(connection, caller, "product.add", product, "people define products", now)
    access.demand_role(connection, caller, "product.add", product, now)
    products.add(connection, product, url)
    audit.append(connection, caller, "product.add", product, {"software": url}, now)
