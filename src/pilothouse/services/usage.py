"""What was used: the values of a consumption report, and when and by whom each counts (slapos-master 11)."""

import re
from datetime import UTC, datetime
from typing import Final

import msgspec

_MOMENT: Final = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:(?:T|\s+at\s+|\s+)(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?"
)
_NOTHING: Final = frozenset({"", "None"})
"""Original nodes write the word None where an element was empty (11.3)."""


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """So much of a resource was used by what ``reference`` names; ``price`` is that of one unit."""

    resource: str
    quantity: float
    price: float
    vat: str = ""
    title: str = ""
    reference: str = ""
    categories: tuple[str, ...] = ()


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """Movements between two moments, which are texts of the reporter's choice and may be empty."""

    type: str
    start: str
    stop: str
    reference: str
    movements: tuple[Movement, ...]
    title: str = ""
    currency: str = ""
    payment_mode: str = ""
    categories: tuple[str, ...] = ()


def said(text: str | None) -> str:
    """Return a text as it was meant: what original nodes write for nothing is nothing."""
    stripped = (text or "").strip()
    return "" if stripped in _NOTHING else stripped


def moment(text: str) -> float | None:
    """Return the seconds since the epoch that a report's date means, None for one that cannot be read.

    Read are ``2026-11-22 at 08:15:43`` of original nodes, ISO 8601, and both without seconds or time. Without an
    offset it is taken as UTC: a report does not say in which zone its node is.
    """
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(each or 0) for each in found.groups()[:6])
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp() - _offset(found[7])
    except ValueError:
        return None


def counts_at(transaction: Transaction, received: float) -> float:
    """Return when a transaction counts: at its end, but never later than it came in (11.4)."""
    stop = moment(transaction.stop)
    return received if stop is None else min(stop, received)


def _offset(text: str | None) -> float:
    if text in (None, "Z", "UTC"):
        return 0.0
    digits = str(text)[1:].replace(":", "")
    seconds = int(digits[:2]) * 3600.0 + int(digits[2:]) * 60.0
    return -seconds if str(text).startswith("-") else seconds
