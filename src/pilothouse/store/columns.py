"""What tables are made of: their names' conventions, and the forms of columns and indexes."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, MetaData, Text
from sqlalchemy.sql.elements import ColumnElement

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER numbers the rows of SQLite


def number_of_row() -> Column[int]:
    """Return the number that a row gets."""
    return Column("id", Id, primary_key=True)


def text(name: str, default: str | None = "", **options: Any) -> Column[str]:
    """Return a text that is always there; without a default every row brings one."""
    return Column(name, Text, nullable=False, server_default=default, **options)


def number(name: str, default: str = "0") -> Column[int]:
    """Return a whole number that is always there."""
    return Column(name, Integer, nullable=False, server_default=default)


def time(name: str, *, nullable: bool = True) -> Column[float]:
    """Return seconds since the epoch."""
    return Column(name, Double, nullable=nullable)


def status() -> list[Column[Any]]:
    """Return the columns of the last word on something, and who said it."""
    return [text("status_by"), text("status_text"), text("reported"), time("status_at"), time("status_since")]


def partial(name: str, *columns: ColumnElement[Any], where: ColumnElement[bool], unique: bool = False) -> Index:
    """Return an index of the rows for which ``where`` holds, on both databases."""
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


def flag(name: str) -> Column[bool]:
    """Return a yes or no, which is no where nothing is said."""
    return Column(name, Boolean, nullable=False, server_default="0")
