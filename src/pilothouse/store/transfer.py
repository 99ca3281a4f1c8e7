"""Move everything to another database: ``python -m pilothouse.store.transfer FROM TO``, while no server runs."""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Row, Table, bindparam, func, insert, select, text, update

from pilothouse.errors import PilothouseError
from pilothouse.store.contract import Store
from pilothouse.store.database import open_store
from pilothouse.store.errors import StoreError
from pilothouse.store.schema import changes, projects
from pilothouse.store.tables import METADATA

_PAGE = 1000
_USAGE = "usage: python -m pilothouse.store.transfer FROM TO"


async def transfer(source: Store, target: Store) -> dict[str, int]:
    """Copy all rows into a database that has none, in one transaction; returns how many of each table.

    Raises StoreError when the target holds something already.
    """

    def copy(new: Connection) -> dict[str, int]:
        _demand_empty(new)
        future = asyncio.run_coroutine_threadsafe(source.read(lambda old: _copy_all(old, new)), loop)
        return future.result()

    loop = asyncio.get_running_loop()
    return await target.write(copy)


def _demand_empty(connection: Connection) -> None:
    for table in METADATA.sorted_tables:
        question = select(func.count()).select_from(table)
        if table is projects:
            question = question.where(projects.c.name != "")
        if connection.execute(question).scalar():
            raise StoreError(f"the target has rows in {table.name} already; give a database that was just created")


def _copy_all(old: Connection, new: Connection) -> dict[str, int]:
    new.execute(projects.delete())
    # the target's own triggers write the changes
    return {table.name: _copy(old, new, table) for table in METADATA.sorted_tables if table is not changes}


def _copy(old: Connection, new: Connection, table: Table) -> int:
    """Copy one table. Links between its own rows come last: they may lead to rows further down."""
    own = [column for column in table.c if any(key.column.table is table for key in column.foreign_keys)]
    count = 0
    for page in _pages(old, table):
        rows = [dict(row._mapping) for row in page]  # noqa: SLF001  the documented name of a row as a mapping
        new.execute(insert(table), [{**row, **{column.name: None for column in own}} for row in rows])
        count += len(rows)
    if own:
        _link(old, new, table, own)
    if new.dialect.name == "postgresql" and "id" in table.c:
        _number_on(new, table)
    return count


def _link(old: Connection, new: Connection, table: Table, own: Sequence[Column[Any]]) -> None:
    relink = (
        update(table)
        .where(table.c.id == bindparam("key"))
        .values({column.name: bindparam(f"new_{column.name}") for column in own})
    )
    for page in _pages(old, table):
        new.execute(
            relink,
            [{"key": row.id, **{f"new_{column.name}": getattr(row, column.name) for column in own}} for row in page],
        )


def _pages(old: Connection, table: Table) -> Iterator[Sequence[Row[Any]]]:
    result = old.execute(select(table).order_by(*table.primary_key.columns))
    yield from result.partitions(_PAGE)


def _number_on(new: Connection, table: Table) -> None:
    """Let new rows be numbered after those that were copied."""
    name = table.name  # one of ours, never a caller's
    new.execute(
        text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name} HAVING max(id) > 0")  # noqa: S608
    )


async def _main(source: str, target: str) -> None:
    old, new = await open_store(source), await open_store(target)
    try:
        for name, count in (await transfer(old, new)).items():
            sys.stdout.write(f"{name}: {count}\n")
    finally:
        await old.close()
        await new.close()


if __name__ == "__main__":
    if len(sys.argv) != 3:  # noqa: PLR2004  the program and its two words
        raise SystemExit(_USAGE)
    try:
        asyncio.run(_main(*sys.argv[1:]))
    except PilothouseError as error:
        raise SystemExit(f"pilothouse: {error}") from None
