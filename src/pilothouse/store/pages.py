"""Lists a page at a time: each question goes on where the last one ended, by an index, and never walks a table.

What has no index to find it by is looked for in the rows that a question reads anyway. A page may therefore hold
less than was asked for, even nothing, and still say where the next one begins.
"""

from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, bindparam, tuple_
from sqlalchemy.types import Integer

from pilothouse.store.statement import Row, Statement

T = TypeVar("T")

BATCH = 500
"""Rows that one question reads at most, whatever it looks for."""


class Page(NamedTuple, Generic[T]):
    """Some of a list, and the key after which the next page begins; None at the end."""

    items: tuple[T, ...]
    after: tuple[Any, ...] | None


class Listing(Generic[T]):
    """A question that can be asked page by page.

    ``key`` are the columns of the order, which are the first of the row. ``only`` are conditions by name: those that
    are given at a call count. What else is given are values of ``base`` itself.
    """

    def __init__(
        self,
        base: "Select[Any]",
        key: Sequence[ColumnElement[Any]],
        make: Callable[[Row], T],
        only: dict[str, ColumnElement[bool]] | None = None,
        *,
        newest_first: bool = False,
    ) -> None:
        self._base = base
        self._key = tuple(key)
        self._make = make
        self.only = only or {}
        self._newest_first = newest_first
        self._statements: dict[frozenset[str], Statement] = {}

    def page(
        self,
        connection: Connection,
        count: int,
        after: tuple[Any, ...] | None = None,
        keep: Callable[[T], bool] | None = None,
        **only: object,
    ) -> Page[T]:
        """Return up to ``count`` that ``keep`` lets pass, after a key that an earlier page ended with."""
        most = count + 1 if keep is None else BATCH
        values = dict(only)
        names = frozenset(only)
        if after is not None:
            values |= {f"after_{number}": value for number, value in enumerate(after)}
            names |= {"after"}
        rows = self.statement(names).rows(connection, **values, count=most)
        return self._page(rows, count, most, keep)

    def statement(self, names: frozenset[str]) -> Statement:
        """Return the question with these conditions; ``after`` among them means a later page."""
        if names not in self._statements:
            self._statements[names] = Statement(self._composed(names))
        return self._statements[names]

    def _composed(self, names: frozenset[str]) -> "Select[Any]":
        found = self._base.where(*(self.only[name] for name in sorted(names & self.only.keys())))
        if "after" in names:
            found = found.where(self._beyond(names))
        order = [column.desc() if self._newest_first else column for column in self._key]
        return found.order_by(*order).limit(bindparam("count", type_=Integer))

    def _beyond(self, names: frozenset[str]) -> ColumnElement[bool]:
        # a column that has one value only would keep SQLite from going straight to the place
        parts = [
            (column, bindparam(f"after_{number}", type_=column.type))
            for number, column in enumerate(self._key)
            if getattr(column, "name", "") not in names
        ]
        here, there = parts[0] if len(parts) == 1 else (tuple_(*(a for a, _ in parts)), tuple_(*(b for _, b in parts)))
        return here < there if self._newest_first else here > there

    def _page(self, rows: Sequence[Row], count: int, most: int, keep: Callable[[T], bool] | None) -> Page[T]:
        items: list[T] = []
        last: tuple[Any, ...] | None = None
        for number, row in enumerate(rows):
            if len(items) == count:
                return Page(tuple(items), last)
            item = self._make(row[len(self._key) :])
            last = tuple(row[: len(self._key)])
            if keep is None or keep(item):
                items.append(item)
            if number + 1 == most:
                return Page(tuple(items), last)
        return Page(tuple(items), None)
