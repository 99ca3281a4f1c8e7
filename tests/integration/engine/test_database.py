"""The file that the journal and the spool keep their records in."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pilothouse.engine.database import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(tmp_path / "some.db", "some")
    yield made
    await made.run(made.close)
    made.end()


async def test_a_write_is_done_whole_or_not_at_all(database: Database) -> None:
    await database.run(lambda: database.open().execute("CREATE TABLE word (text TEXT UNIQUE)"))
    insert = "INSERT INTO word VALUES (?)"
    await database.run(lambda: database.write([(insert, ("one",)), (insert, ("two",))]))
    with pytest.raises(sqlite3.IntegrityError):
        await database.run(lambda: database.write([(insert, ("three",)), (insert, ("one",))]))
    assert await database.run(lambda: database.rows("SELECT text FROM word ORDER BY text")) == [("one",), ("two",)]


async def test_the_file_is_its_owners_alone_and_must_be_open(database: Database, tmp_path: Path) -> None:
    with pytest.raises(sqlite3.ProgrammingError, match="not open"):
        await database.run(lambda: database.rows("SELECT 1"))
    await database.run(database.open)
    assert (tmp_path / "some.db").stat().st_mode & 0o077 == 0
