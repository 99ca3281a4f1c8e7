"""Kills, full disks and databases that go away: what was answered is there, and what failed changed nothing."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url
from tests.databases import PASSWORD
from tests.masters import Site
from tests.stores import Databases

from pilothouse.store import audit
from pilothouse.store.database import open_store
from pilothouse.store.errors import StoreError


async def _killed_writer(where: str, answers: int) -> list[str]:
    """Run the writer, kill it after so many answers, and return what it had answered."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fault.store.writer", where],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert process.stdout
    lines = [process.stdout.readline() for _ in range(answers)]
    process.send_signal(signal.SIGKILL)
    lines += process.stdout.readlines()
    process.wait(60)
    process.stdout.close()
    return [line.decode().strip() for line in lines if line.endswith(b"\n")]


async def test_what_was_answered_before_a_kill_is_there(where: str) -> None:
    store = await open_store(where)
    site = Site(store)
    await site.node("c1", 500)
    answered = await _killed_writer(where, 35)
    assert len(answered) >= 35
    held = {each.title: each for each in await site.roots()}
    for line in answered:
        title, guid, partition = line.split()
        assert (held[title].guid, held[title].partition) == (guid, partition)
        again = await site.request(title, "c1")
        assert (again.guid, again.partition) == (guid, partition)
    places = [each.partition for each in held.values()]
    assert len(set(places)) == len(places)
    document = await site.document("c1")
    assert sum(slot.occupant is not None for slot in document.partitions) == len(held)
    await store.read(audit.verify)
    await store.close()


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file of this process may grow beyond a size, as on a full disk."""
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


async def test_a_full_disk_is_said_and_passes(tmp_path: Path, small_files: None) -> None:
    store = await open_store(tmp_path / "a.db")
    site = Site(store)
    await site.node("c1", 60)
    answered, refused = 0, []
    for number in range(60):
        try:
            await site.request(f"i{number}", "c1", parameters={"big": "x" * 50_000})
            answered += 1
        except StoreError as error:
            refused.append(str(error))
    assert answered
    assert refused
    assert all("disk" in each for each in refused), refused
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert len(await site.roots()) == answered
    for number in range(60):
        await site.request(f"i{number}", "c1")
    assert len({each.partition for each in await site.roots()}) == 60
    await store.read(audit.verify)
    await store.close()


@pytest.fixture
async def remote(databases: Databases) -> AsyncIterator[tuple[Site, str]]:
    """A site on PostgreSQL, and the database's name."""
    where = databases.make(tables=True)
    store = await open_store(where)
    yield Site(store), str(make_url(where).database)
    await store.close()


def _end_all(databases: Databases, name: str) -> None:
    with databases.connect("postgres") as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            (name,),
        )


async def test_a_database_that_was_started_again_is_used_again(databases: Databases, remote: tuple[Site, str]) -> None:
    site, name = remote
    await site.node("c1", 40)
    await asyncio.gather(*(site.request(f"i{n}", "c1") for n in range(10)))
    for round_ in range(3):
        _end_all(databases, name)
        made = await asyncio.gather(*(site.request(f"r{round_} {n}", "c1") for n in range(10)))
        assert len({each.partition for each in made}) == 10
        _end_all(databases, name)
        assert len(await site.roots()) == 20 + 10 * round_


async def test_a_database_that_is_away_is_an_error_until_it_is_back(
    databases: Databases, remote: tuple[Site, str]
) -> None:
    site, name = remote
    await site.node("c1", 2)
    with databases.connect("postgres") as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    _end_all(databases, name)
    with pytest.raises(StoreError, match="the database failed: "):
        await site.request("one", "c1")
    with pytest.raises(StoreError) as failed:
        await site.roots()
    assert PASSWORD not in str(failed.value)
    with databases.connect("postgres") as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    assert (await site.request("one", "c1")).partition == "slappart0"


async def test_work_whose_connection_is_cut_is_done_once(databases: Databases, remote: tuple[Site, str]) -> None:
    site, name = remote
    await site.node("c1", 60)
    crowd = asyncio.gather(*(site.request(f"i{n}", "c1") for n in range(60)), return_exceptions=True)
    for _ in range(4):
        await asyncio.sleep(0.01)
        await asyncio.to_thread(_end_all, databases, name)
    await crowd
    made = await asyncio.gather(*(site.request(f"i{n}", "c1") for n in range(60)))
    assert len({each.partition for each in made}) == 60
    await site.store.read(audit.verify)


async def test_nobody_listens_where_the_database_should_be() -> None:
    with pytest.raises(StoreError) as failed:
        await open_store(f"postgresql://me:{PASSWORD.replace(' ', '+')}@127.0.0.1:1/x")
    assert "is the server up" in str(failed.value)
    assert PASSWORD.split()[1] not in str(failed.value)
