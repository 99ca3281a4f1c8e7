"""Everything moves to another database, and goes on there."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from tests.masters import Site
from tests.serverprocess import SOURCES
from tests.stores import Databases

from pilothouse.store import audit, headless_catalogue
from pilothouse.store.database import open_store
from pilothouse.store.errors import StoreError
from pilothouse.store.transfer import transfer


@pytest.mark.parametrize("back", [False, True])
async def test_a_site_goes_on_in_another_database(databases: Databases, tmp_path: Path, back: bool) -> None:
    places = [databases.copy(tmp_path), databases.make(tables=True)]
    old, new = [await open_store(where) for where in (reversed(places) if back else places)]
    before = Site(old)
    await before.node("c1", 4)
    root = await before.request("root", "c1")
    place = ("c1", root.partition)
    child = await before.request("child", "c1", requester=place)
    again = ("c1", child.partition)
    await before.request("later", "c1", requester=place)
    await before.request("child", "c1", requester=("c1", "slappart2"))  # a link to a row further down
    await before.request("s", "c1", requester=again, shared=True)
    counts = await transfer(old, new)
    assert (counts["instances"], counts["partitions"], counts["projects"]) == (4, 4, 1)
    after = Site(new)
    after.clock.now = before.clock.now
    assert await after.document("c1") == await before.document("c1")
    assert await new.read(audit.verify) == await old.read(audit.verify)
    made = await after.request("new", "c1")
    assert made.guid not in {each.guid for each in await before.roots()}
    with pytest.raises(StoreError, match="has rows in "):
        await transfer(old, new)
    await asyncio.gather(old.close(), new.close())


async def test_the_program_moves_batches_too(tmp_path: Path) -> None:
    places = [f"sqlite:///{tmp_path}/{name}.db" for name in ("old", "new")]
    old, new = [await open_store(where) for where in places]
    await old.write(lambda c: headless_catalogue.add_module(c, "Night", "{}", 1.0))
    await asyncio.gather(old.close(), new.close())
    words = [sys.executable, "-m", "pilothouse.store.transfer", *places]
    done = subprocess.run(words, env={"PYTHONPATH": str(SOURCES)}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "headless_modules: 1\n" in done.stdout
    there = await open_store(places[1])
    assert [row.title for row in await there.read(headless_catalogue.modules)] == ["Night"]
    await there.close()
