"""Many at once, from one server and from several on the same database: nothing is given twice, nobody is lost."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.masters import Site
from tests.stores import Databases

from pilothouse.server.master.errors import NotAllocatedError
from pilothouse.store import audit
from pilothouse.store.contract import Store
from pilothouse.store.database import open_store


@pytest.fixture
async def servers(databases: Databases) -> AsyncIterator[list[Site]]:
    """Two servers on one database, each with several connections."""
    where = databases.make(tables=True)
    stores: list[Store] = [await open_store(where) for _ in range(2)]
    yield [Site(each) for each in stores]
    for each in stores:
        await each.close()


async def _crowd(sites: list[Site], count: int) -> list[tuple[str, str]]:
    """Request so many instances at once, each in turn from another server; returns their places."""
    made = await asyncio.gather(*(sites[n % len(sites)].request(f"i{n}", "c1") for n in range(count)))
    return [(each.computer, each.partition) for each in made]


async def test_a_hundred_at_once_get_a_hundred_partitions(site: Site) -> None:
    await site.node("c1", 100)
    assert len(set(await _crowd([site], 100))) == 100
    with pytest.raises(NotAllocatedError):
        await site.request("one more", "c1")
    assert await site.store.read(audit.verify) > 100


async def test_two_servers_give_no_partition_twice(servers: list[Site]) -> None:
    await servers[0].node("c1", 60)
    assert len(set(await _crowd(servers, 60))) == 60
    await servers[1].store.read(audit.verify)


async def test_two_servers_share_the_last_partitions_fairly(servers: list[Site]) -> None:
    await servers[0].node("c1", 5)
    asked = [servers[n % 2].request(f"i{n}", "c1") for n in range(20)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    refused = [each for each in found if isinstance(each, NotAllocatedError)]
    assert len(refused) == 15
    assert len({each.partition for each in found if not isinstance(each, BaseException)}) == 5


async def test_the_same_title_from_two_servers_is_one_instance(servers: list[Site]) -> None:
    await servers[0].node("c1", 20)
    made = await asyncio.gather(*(servers[n % 2].request("same", "c1") for n in range(20)))
    assert len({each.guid for each in made}) == 1
    assert (await servers[0].states("c1")).count("started") == 1


async def test_titles_of_persons_and_trees_from_two_servers(servers: list[Site]) -> None:
    one, two = servers
    await one.node("c1", 30)
    root = await one.request("root", "c1")
    place = ("c1", root.partition)
    await asyncio.gather(
        *(
            site.request(f"child{n}", "c1", requester=place, parameters={"by": str(k)})
            for n in range(5)
            for k, site in enumerate(servers)
        ),
        *(site.request("shared", "c1", requester=place, shared=True) for site in servers),
        *(site.publish("c1", root.partition, {"n": str(n)}) for n in range(5) for site in servers),
        *(site.report("c1", root.partition, "started") for site in servers),
        *(site.bang("c1", root.partition) for site in servers),
        *(site.node(f"new{n}", 3) for n in range(3) for site in servers),
    )
    assert (await two.states("c1")).count("started") == 6
    assert len((await two.document("new1")).partitions) == 3
    assert await one.store.read(audit.verify) == await two.store.read(audit.verify)
    occupant = (await one.document("c1")).partitions[0].occupant
    assert occupant
    assert [each.reference for each in occupant.shared] == ["root_shared"]
