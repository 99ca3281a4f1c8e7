"""When usage counts, and what a month comes to."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.errors import UsageError
from pilothouse.services import statement
from pilothouse.services.statement import Used
from pilothouse.services.usage import Transaction, counts_at, moment, said

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()


def used(resource: str = "CPU", quantity: float = 1.0, price: float = 0.0, **more: str) -> Used:
    values = {"user": "ann", "computer": "COMP-1", "instance": "", "instance_title": "", "currency": "EUR", "vat": ""}
    return Used(resource=resource, quantity=quantity, price=price, movements=1, **{**values, **more})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-11-22 at 12:00:00", NOON),
        ("2026-11-22T12:00:00Z", NOON),
        ("2026-11-22T12:00:00.25", NOON),
        ("2026-11-22 13:00 +01:00", NOON),
        ("2026-11-22T07:00:00-0500", NOON),
        ("2026/11/22 12:00", NOON),
        ("2026-11-22", NOON - 43200),
        ("", None),
        ("yesterday", None),
        ("2026-13-01", None),
        ("2026-11-22 at 25:00:00", None),
    ],
)
def test_dates(text: str, wanted: float | None) -> None:
    assert moment(text) == wanted


def test_what_is_nothing() -> None:
    assert [said(text) for text in (None, "", " None ", " EUR ")] == ["", "", "", "EUR"]


@pytest.mark.parametrize(
    ("stop", "wanted"), [("", NOON), ("2026-11-22 at 11:59:59", NOON - 1), ("2030-01-01", NOON), ("soon", NOON)]
)
def test_usage_counts_at_its_end_and_never_in_the_future(stop: str, wanted: float) -> None:
    assert counts_at(Transaction(type="t", start="", stop=stop, reference="", movements=()), NOON) == wanted


def test_months() -> None:
    assert statement.bounds("2026-12") == (
        datetime(2026, 12, 1, tzinfo=UTC).timestamp(),
        datetime(2027, 1, 1, tzinfo=UTC).timestamp(),
    )
    assert statement.month_before(datetime(2027, 1, 31, tzinfo=UTC).timestamp()) == "2026-12"
    assert statement.month_before(datetime(2026, 11, 1, tzinfo=UTC).timestamp()) == "2026-10"


@pytest.mark.parametrize("month", ["", "2026", "2026-13", "2026-00", "2026-1", "0000-01", "2026-11-01", "\u0662026-11"])
def test_what_is_no_month(month: str) -> None:
    with pytest.raises(UsageError, match="such as 2026-11"):
        statement.bounds(month)


def test_a_statement() -> None:
    made = statement.make(
        "2026-11",
        "all",
        "",
        [
            used("Memory", 0.1 + 0.2, 10.0, user="bob", vat="20%"),
            used("CPU", 2.5, 0.333, instance="SOFTINST-7", instance_title="web"),
            used("CPU", 1000.0, 0.001),
        ],
    )
    assert [(line.user, line.instance, line.quantity, line.price, line.amount) for line in made.lines] == [
        ("ann", "", "1000", "0.001", "1.00"),
        ("ann", "SOFTINST-7", "2.5", "0.333", "0.83"),
        ("bob", "", "0.3", "10", "3.00"),
    ]
    assert [(each.resource, each.quantity) for each in made.resources] == [("CPU", "1002.5"), ("Memory", "0.3")]
    assert [(each.currency, each.vat, each.amount) for each in made.amounts] == [
        ("EUR", "", "1.83"),
        ("EUR", "20%", "3.00"),
    ]


def test_a_month_without_usage() -> None:
    made = statement.make("2026-11", "user", "ann", [])
    assert (made.lines, made.resources, made.amounts) == ((), (), ())


NUMBERS = st.floats(min_value=-1e18, max_value=1e18, allow_nan=False)
PRICES = st.floats(min_value=-1e15, max_value=1e15, allow_nan=False)


@given(st.lists(st.tuples(st.sampled_from(["CPU", "Memory"]), NUMBERS, PRICES), max_size=6))
def test_totals_are_the_sums_of_the_lines(rows: list[tuple[str, float, float]]) -> None:
    from decimal import Decimal, getcontext, localcontext

    made = statement.make("2026-11", "all", "", [used(*row) for row in rows])
    with localcontext(getcontext().copy()) as exact:
        exact.prec = 100
        assert sum(Decimal(line.amount) for line in made.lines) == sum(Decimal(each.amount) for each in made.amounts)
        assert sum(Decimal(line.quantity) for line in made.lines) == sum(
            Decimal(each.quantity) for each in made.resources
        )
