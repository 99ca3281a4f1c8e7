"""The searches that navigators send, in their exact words, of today and of older clients (slapos-master 3.3, 3.6)."""

import re
from typing import Final, Literal

import msgspec

from pilothouse.server.master.errors import InvalidRequestError

Kind = Literal["instance", "computer", "installation"]

_KINDS: Final[dict[str, Kind]] = {
    "Instance Tree": "instance",
    "Hosting Subscription": "instance",
    "Compute Node": "computer",
    "Computer": "computer",
    "Software Installation": "installation",
}
_KEYS: Final[dict[Kind, str]] = {
    "instance": "title",
    "computer": "reference",
    "installation": "default_aggregate_reference",
}
_QUERY: Final = re.compile(
    r'portal_type:"(?P<type>[^"]*)" AND validation_state:validated(?: AND (?P<key>\w+):="(?P<value>[^"]*)")?'
)


class Query(msgspec.Struct, frozen=True):
    """What is looked for; ``value`` None means all of a kind."""

    kind: Kind
    value: str | None = None


def parse(text: str) -> Query:
    """Read a search. Raises InvalidRequestError for any other words."""
    found = _QUERY.fullmatch(text)
    kind = _KINDS.get(found["type"]) if found else None
    if found is None or kind is None or found["key"] not in (None, _KEYS[kind]):
        raise InvalidRequestError(f"Unhandled query: {text[:400]}")
    return Query(kind, found["value"])
