"""Monthly statements: what was used in a calendar month (UTC), by whom, and what it comes to."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Final, Literal

import msgspec

from pilothouse.errors import UsageError

Scope = Literal["all", "user", "computer", "instance"]

_MONTH: Final = re.compile(r"(\d{4})-(\d{2})")
_MONTHS: Final = 12
_FIRST_YEAR: Final = 1970
_CENT: Final = Decimal("0.01")
_EXACT: Final = Context(prec=100, rounding=ROUND_HALF_UP)  # enough for any sum of what reports may hold
_FINE: Final = Decimal("0.000001")  # below that quantities are the dust of adding binary fractions


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """A sum of the store: movements of one resource at one price by one instance, or by a node itself."""

    user: str
    computer: str
    instance: str
    instance_title: str
    resource: str
    currency: str
    vat: str
    price: float
    quantity: float
    movements: int


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a statement. ``instance`` is empty for what a node used itself.

    Numbers are decimal texts: ``quantity`` times ``price`` is ``amount``, rounded to hundredths. ``vat`` stands as
    the report gave it, and is not part of the amount.
    """

    user: str
    computer: str
    instance: str
    instance_title: str
    resource: str
    quantity: str
    price: str
    amount: str
    currency: str
    vat: str
    movements: int


class ResourceTotal(msgspec.Struct, frozen=True, kw_only=True):
    """How much of one resource all lines come to."""

    resource: str
    quantity: str


class AmountTotal(msgspec.Struct, frozen=True, kw_only=True):
    """What the lines of one currency and VAT come to."""

    currency: str
    vat: str
    amount: str


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What was used in ``month`` by one user, computer or instance (``scope``, ``subject``), or by all."""

    month: str
    scope: Scope
    subject: str
    lines: tuple[Line, ...]
    resources: tuple[ResourceTotal, ...]
    amounts: tuple[AmountTotal, ...]


def bounds(month: str) -> tuple[float, float]:
    """Return the first second of a month ``YYYY-MM`` and of the next one. Raises UsageError."""
    found = _MONTH.fullmatch(month)
    year, number = (int(found[1]), int(found[2])) if found and month.isascii() else (0, 0)
    if not (year >= _FIRST_YEAR and 1 <= number <= _MONTHS):
        raise UsageError(f"month {month[:20]!r}: give a year and a month, such as 2026-11")
    after = (year, number + 1) if number < _MONTHS else (year + 1, 1)
    return _begin(year, number), _begin(*after)


def month_before(now: float) -> str:
    """Return the month before the one that ``now`` is in, the latest that is over."""
    today = datetime.fromtimestamp(now, UTC)
    year, number = (today.year, today.month - 1) if today.month > 1 else (today.year - 1, _MONTHS)
    return f"{year:04}-{number:02}"


def make(month: str, scope: Scope, subject: str, used: Iterable[Used]) -> Statement:
    """Return the statement over these sums, in the order user, computer, instance, resource."""
    with localcontext(_EXACT):
        return _made(month, scope, subject, sorted(used, key=_order))


def _made(month: str, scope: Scope, subject: str, sums: list[Used]) -> Statement:
    quantities: dict[str, Decimal] = {}
    amounts: dict[tuple[str, str], Decimal] = {}
    lines = []
    for each in sums:
        quantity, amount = _fine(each.quantity), _amount(each)
        lines.append(_line(each, quantity, amount))
        quantities[each.resource] = quantities.get(each.resource, Decimal(0)) + quantity
        kind = (each.currency, each.vat)
        amounts[kind] = amounts.get(kind, Decimal(0)) + amount
    return Statement(
        month=month,
        scope=scope,
        subject=subject,
        lines=tuple(lines),
        resources=tuple(ResourceTotal(resource=name, quantity=_plain(quantities[name])) for name in sorted(quantities)),
        amounts=tuple(
            AmountTotal(currency=currency, vat=vat, amount=f"{amounts[currency, vat]:f}")
            for currency, vat in sorted(amounts)
        ),
    )


def _order(each: Used) -> tuple[str, ...]:
    return (each.user, each.computer, each.instance_title, each.instance, each.resource, each.currency, each.vat)


def _line(each: Used, quantity: Decimal, amount: Decimal) -> Line:
    return Line(
        user=each.user,
        computer=each.computer,
        instance=each.instance,
        instance_title=each.instance_title,
        resource=each.resource,
        quantity=_plain(quantity),
        price=_plain(Decimal(repr(each.price))),
        amount=f"{amount:f}",
        currency=each.currency,
        vat=each.vat,
        movements=each.movements,
    )


def _amount(each: Used) -> Decimal:
    return (_fine(each.quantity) * Decimal(repr(each.price))).quantize(_CENT)


def _fine(number: float) -> Decimal:
    return Decimal(repr(number)).quantize(_FINE)


def _plain(number: Decimal) -> str:
    """Return a number without exponent and without noughts at its end."""
    text = f"{number:f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def _begin(year: int, month: int) -> float:
    return datetime(year, month, 1, tzinfo=UTC).timestamp()
