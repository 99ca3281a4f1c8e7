"""Releases on nodes: supplied by people, reported on by nodes."""

from sqlalchemy import Connection

from pilothouse.identity.caller import Caller
from pilothouse.services.node import Software, Status
from pilothouse.services.states import ReportedSoftwareState, SoftwareState


def supply(connection: Connection, caller: Caller, computer: str, url: str, state: SoftwareState, now: float) -> None:
    """Ask that ``url`` be on the node, or be removed; asking again moves it to the end of the list (2.5)."""
    raise NotImplementedError


def listed(connection: Connection, caller: Caller, computer: str) -> list[Software]:
    """Return the releases of a node in order. Raises NotFoundError for an unknown node."""
    raise NotImplementedError


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

    Raises NotFoundError when ``destroyed`` is said of what nobody asked to destroy.
    """
    raise NotImplementedError


def status(connection: Connection, caller: Caller, computer: str, url: str) -> Status:
    """Return the last word on a release (15.3)."""
    raise NotImplementedError


def releases_of_product(connection: Connection, caller: Caller, product: str) -> list[str]:
    """Return the URLs of a product, newest first, none for one that is unknown (2.10)."""
    raise NotImplementedError
