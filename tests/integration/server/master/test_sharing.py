"""Shared instances (checks F; X07 to X09, X24, X25)."""

import pytest
from tests.masters import Site

from pilothouse.server.master import instances
from pilothouse.server.master.errors import NotAllocatedError, NotFoundError
from pilothouse.services.instance import InstanceKey
from pilothouse.services.node import SharedEntry

HOST = ("c1", "slappart0")


async def _host(site: Site, partitions: int = 4) -> None:
    await site.node("c1", partitions)
    await site.request("host", "c1", software_type="T")


async def _entries(site: Site, partition: int = 0) -> tuple[SharedEntry, ...]:
    occupant = (await site.document("c1")).partitions[partition].occupant
    assert occupant
    return occupant.shared


async def test_f01_f07_without_a_fitting_host_there_is_none(site: Site) -> None:
    await site.node("c1", 1)
    with pytest.raises(NotAllocatedError, match=r"^No partition corresponding to slave request: "):
        await site.request("s", "c1", shared=True)
    await site.request("host", "c1", software_type="T")
    with pytest.raises(NotAllocatedError):
        await site.request("s", "c1", shared=True, software_type="other")
    with pytest.raises(NotAllocatedError):
        await site.request("s", "c1", shared=True, url="http://other")
    await site.request("host", "c1", software_type="T", state="destroyed")
    with pytest.raises(NotAllocatedError):
        await site.request("s", "c1", shared=True, software_type="T")


async def test_f02_a_shared_one_is_where_its_host_is(site: Site) -> None:
    await _host(site)
    host = await site.at(*HOST)
    shared = await site.request("s", "c1", shared=True, software_type="T", parameters={"domain": "d", "n": "1"})
    assert (shared.computer, shared.partition, shared.addresses) == ("c1", "slappart0", host.addresses)
    assert (shared.connection, shared.state, shared.shared) == ({}, "started", True)
    assert (shared.host_guid, shared.host_software_type) == (host.guid, "T")
    (entry,) = await _entries(site)
    assert (entry.reference, entry.title, entry.software_type) == ("_s", "_s", "T")
    assert entry.parameters == {"domain": "d", "n": "1"}
    assert await site.named("s", shared=True) == shared


async def test_f03_the_hosts_timestamp_moves_with_its_list_only(site: Site) -> None:
    await _host(site)
    moved = []
    for value in ("a", "a", "b", "b"):
        before, revision = (await site.at(*HOST)).timestamp, await site.revision("c1")
        await site.request("s", "c1", shared=True, parameters={"v": value})
        moved.append(((await site.at(*HOST)).timestamp > before, await site.revision("c1") != revision))
    assert moved == [(True, True), (False, False), (True, True), (False, False)]
    assert len(await _entries(site)) == 1


async def test_f04_each_requester_sees_its_own_connection(site: Site) -> None:
    await _host(site)
    one = await site.request("one", "c1", shared=True)
    await site.request("two", "c1", shared=True)
    await site.publish(*HOST, {"url": "1"}, shared="_one")
    assert (await site.request("one", "c1", shared=True)).connection == {"url": "1"}
    assert (await site.request("two", "c1", shared=True)).connection == {}
    assert (await site.at(*HOST)).connection == {}
    await site.publish(*HOST, {"url": "2"}, shared=one.guid)
    assert (await site.named("one", shared=True)).connection == {"url": "2"}
    assert [entry.connection for entry in await _entries(site)] == [{"url": "2"}, {}]
    with pytest.raises(NotFoundError):
        await site.publish(*HOST, {}, shared="_nobody")


async def test_f06_a_host_can_be_named(site: Site) -> None:
    await _host(site)
    second = await site.request("second", "c1", software_type="T")
    for number, name in enumerate((second.guid, "c1-slappart1", "slappart1")):
        shared = await site.request(f"s{number}", "c1", shared=True, filter={"instance_guid": name})
        assert shared.partition == "slappart1"
    for name in ("SOFTINST-999", "c1-slappart3", "nothing"):
        with pytest.raises(NotAllocatedError):
            await site.request("none", "c1", shared=True, filter={"instance_guid": name})


async def test_f08_x27_titles_are_those_of_trees(site: Site) -> None:
    await _host(site)
    for title in ("r1", "r2"):
        root = await site.request(title, "c1")
        await site.request("t", "c1", requester=("c1", root.partition), shared=True, software_type="T")
    await site.request("t", "c1", shared=True, software_type="T", parameters={"slave_reference": "forged"})
    assert [entry.reference for entry in await _entries(site)] == ["r1_t", "r2_t", "_t"]
    listed = await site.store.read(lambda c: instances.hosted_by(c, site.caller, InstanceKey("host", "", False)))
    assert [(each.title, each.requester_title) for each in listed] == [("t", "r1"), ("t", "r2"), ("t", "")]
    assert [(each.title, each.shared) for each in await site.roots()] == [
        ("host", False), ("r1", False), ("r2", False), ("t", True),
    ]  # fmt: skip


async def test_f09_publishing_for_a_shared_one_moves_who_asked_for_it(site: Site) -> None:
    await _host(site)
    root = await site.request("r", "c1")
    child = await site.request("c", "c1", requester=("c1", root.partition))
    await site.request("s", "c1", requester=("c1", child.partition), shared=True, software_type="T")
    await site.publish(*HOST, {"url": "x"}, shared="r_s")
    assert (await site.at("c1", child.partition)).timestamp > child.timestamp
    assert (await site.at("c1", root.partition)).timestamp == root.timestamp


async def test_x07_x08_a_destroyed_one_leaves_nothing(site: Site) -> None:
    await _host(site)
    with pytest.raises(NotFoundError):
        await site.request("s", "c1", shared=True, state="destroyed")
    await site.request("s", "c1", shared=True)
    before = (await site.at(*HOST)).timestamp
    assert (await site.request("s", "c1", shared=True, state="destroyed")).title == "s"
    assert (await site.at(*HOST)).timestamp > before
    assert await _entries(site) == ()
    assert [each.title for each in await site.roots()] == ["host"]
    with pytest.raises(NotFoundError):
        await site.named("s", shared=True)


async def test_x09_a_freed_host_takes_its_shared_ones_along(site: Site) -> None:
    await _host(site)
    await site.request("s", "c1", shared=True)
    await site.request("host", "c1", state="destroyed")
    await site.report(*HOST, "destroyed")
    assert await site.roots() == []


async def test_the_shared_ones_of_a_tree_go_with_its_root(site: Site) -> None:
    await _host(site)
    root = await site.request("r", "c1")
    await site.request("s", "c1", requester=("c1", root.partition), shared=True, software_type="T")
    await site.request("r", "c1", state="destroyed")
    before = (await site.at(*HOST)).timestamp
    assert await site.report("c1", root.partition, "destroyed") == "OK"
    assert await _entries(site) == ()
    assert (await site.at(*HOST)).timestamp > before


async def test_x24_x25_renaming_keeps_the_links(site: Site) -> None:
    await _host(site)
    root = await site.request("r", "c1")
    requester = ("c1", root.partition)
    shared = await site.request("s", "c1", requester=requester, shared=True, software_type="T")
    await site.rename("c1", root.partition, "new")
    assert [entry.reference for entry in await _entries(site)] == ["new_s"]
    assert (await site.request("s", "c1", requester=requester, shared=True, software_type="T")).guid == shared.guid
    await site.rename(*HOST, "s2", shared="new_s")
    assert (await site.at(*HOST)).title == "host"
    assert [entry.reference for entry in await _entries(site)] == ["new_s2"]
    assert (await site.named("s2", "new", shared=True)).guid == shared.guid


async def test_a_shared_one_may_change_its_host(site: Site) -> None:
    await _host(site)
    await site.request("other", "c1", software_type="U")
    await site.request("s", "c1", shared=True, software_type="T")
    await site.publish(*HOST, {"url": "1"}, shared="_s")
    moved = await site.request("s", "c1", shared=True, software_type="U")
    assert (moved.partition, moved.connection) == ("slappart1", {})
    assert (await _entries(site, 0), len(await _entries(site, 1))) == ((), 1)
