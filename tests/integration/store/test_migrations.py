"""The tables come from the migrations alone, run forward, by whoever starts first."""

import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from pilothouse.store import migrations
from pilothouse.store.database import open_store
from pilothouse.store.errors import StoreError
from pilothouse.store.migrate import revision
from pilothouse.store.tables import METADATA


def _differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), METADATA))


def _indexes(connection: Connection) -> set[str]:
    look = inspect(connection)
    return {str(index["name"]) for table in METADATA.tables for index in look.get_indexes(table)}


async def test_the_migrations_make_what_the_schema_says(empty: str) -> None:
    store = await open_store(empty)
    assert await store.read(_differences) == []
    wanted = {str(index.name) for table in METADATA.tables.values() for index in table.indexes}
    assert wanted <= await store.read(_indexes)
    assert await store.read(revision) == migrations.HEAD
    await store.close()


def test_the_head_is_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.HEAD]


async def test_a_second_start_finds_everything_done(empty: str) -> None:
    first = await open_store(empty)
    await first.write(lambda c: c.execute(text("INSERT INTO settings VALUES ('kept', 'yes')")) and None)
    await first.close()
    second = await open_store(empty)
    assert await second.read(lambda c: c.execute(text("SELECT value FROM settings")).scalar()) == "yes"
    await second.close()


async def test_servers_that_start_at_once_do_it_once(empty: str) -> None:
    stores = await asyncio.gather(*(open_store(empty) for _ in range(4)))
    counts = [await each.read(lambda c: c.execute(text("SELECT count(*) FROM projects")).scalar()) for each in stores]
    assert counts == [1, 1, 1, 1]
    for each in stores:
        await each.close()


async def test_a_database_of_a_newer_release_is_left_alone(empty: str) -> None:
    store = await open_store(empty)
    await store.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = 'r9999'")) and None)
    await store.close()
    with pytest.raises(StoreError, match="r9999, which this release does not know"):
        await open_store(empty)
