"""What a kill or a job leaves in the spool harms no server that comes after (headless 12)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.headlessserver import Guest, Server, code, module, serving

from pilothouse.headless.server.bounds import Bounds
from pilothouse.headless.server.spool import Spool

# deeper than any recursion of ours, and than a process may have open files
DEEP = """
import os
for _ in range(3000):
    os.mkdir("d")
    os.chdir("d")
open("bottom", "w").close()
"""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path) as found:
        yield found


async def test_a_folder_that_was_being_made_or_removed_does_not_keep_the_server_down(server: Server) -> None:
    await server.stop()
    torn = server.spools / "01JDX2V9T3M4Q8R5S6W7Y8Z9AB"
    (torn / "work").mkdir(parents=True)
    stray = server.spools / "lost+found"
    stray.touch()
    await server.begin()
    guest = await Guest.inside(server)
    await guest.start(module("OK1"))
    assert (await guest.ended()).state == "ok"
    assert not torn.exists()
    assert stray.exists(), "what is no session's is nobody's to delete"
    stray.unlink()


async def test_however_deep_a_job_digs_its_folder_is_deleted_and_the_server_lives(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        guest = await Guest.inside(server)
        accepted = await guest.start(code(DEEP))
        assert (await guest.ended()).state == "ok"
        await server.stop()
        server.bounds = Bounds(keep_spools=0.0)
        await server.begin()
        folder = server.spools / accepted.session
        async with asyncio.timeout(20):
            while folder.exists():
                await asyncio.sleep(0.02)
        again = await Guest.inside(server)
        await again.start(module("OK1"))
        assert (await again.ended()).state == "ok"


def test_removing_follows_no_link_and_passes_over_what_is_gone(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    folder = tmp_path / "session"
    inner = folder / "work" / "inner"
    inner.mkdir(parents=True)
    (inner / "link").symlink_to(outside)
    (folder / "work" / "inner.link").symlink_to(outside / "kept")
    Spool(folder).remove()
    Spool(folder).remove()
    assert not folder.exists()
    assert (outside / "kept").exists()
