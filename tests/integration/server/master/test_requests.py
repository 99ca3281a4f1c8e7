"""Requests for instances (checks A, C, D of the master's specification, and X of its defects)."""

import pytest
from tests.masters import URL, Site, formed

from pilothouse.server.master import instances
from pilothouse.server.master.errors import InvalidRequestError, NotAllocatedError, NotFoundError
from pilothouse.services.instance import InstanceRequest
from pilothouse.services.node import Address, NodeFormat, PartitionFormat


async def test_c01_two_titles_take_the_first_two_partitions(site: Site) -> None:
    await site.node("c1", 3)
    first = await site.request("one", "c1", parameters={"a": "1"})
    second = await site.request("two", "c1")
    assert (first.partition, second.partition) == ("slappart0", "slappart1")
    assert (first.computer, first.software_url, first.software_type, first.state) == ("c1", URL, "default", "started")
    assert (first.parameters, first.connection, first.root_title, first.requester_title) == ({"a": "1"}, {}, "one", "")
    assert first.addresses == (Address(interface="slaptap0", address="10.0.1.0"),)
    assert first.guid != second.guid
    assert await site.at("c1", "slappart0") == first


async def test_c02_the_same_request_changes_nothing(site: Site) -> None:
    await site.node("c1", 2)
    first = await site.request("one", "c1", parameters={"a": "1"})
    revision = await site.revision("c1")
    assert await site.request("one", "c1", parameters={"a": "1"}) == first
    assert await site.revision("c1") == revision
    assert await site.states("c1") == ["started", None]


async def test_c03_parameters_are_replaced(site: Site) -> None:
    await site.node("c1", 1)
    first = await site.request("one", "c1", parameters={"a": "1", "gone": "x"})
    revision = await site.revision("c1")
    after = await site.request("one", "c1", parameters={"a": "2"})
    assert after.parameters == {"a": "2"}
    assert after.timestamp > first.timestamp
    assert await site.revision("c1") != revision


async def test_c06_c07_no_room_and_no_such_computer(site: Site) -> None:
    await site.node("c1", 1)
    await site.request("one", "c1")
    for computer in ("c1", "c2", ""):
        with pytest.raises(NotAllocatedError, match=r"^No free computer partition found for: new$"):
            await site.request("new", computer)
    assert len(await site.roots()) == 1


async def test_c08_an_instance_never_moves(site: Site) -> None:
    await site.node("c1", 1)
    await site.node("c2", 1)
    first = await site.request("one", "c1")
    assert (await site.request("one", "c2")).computer == first.computer
    assert await site.states("c2") == [None]


async def test_c09_and_x04_no_state_keeps_the_stored_one_and_says_so(site: Site) -> None:
    await site.node("c1", 1)
    said = [(await site.request("one", "c1", state=state)).state for state in (None, "stopped", None, "started")]
    assert said == ["started", "stopped", "stopped", "started"]


@pytest.mark.parametrize(
    "bad",
    [
        {"title": ""},
        {"title": "a\0b"},
        {"parameters": {"a": "\ud800"}},
        {"parameters": {"a\0": ""}},
        {"url": ""},
        {"url": "\0"},
        {"state": "sleeping"},
    ],
)
async def test_x12_x13_what_cannot_be_meant_is_refused(site: Site, bad: dict[str, object]) -> None:
    await site.node("c1", 1)
    with pytest.raises(InvalidRequestError):
        await site.request(**{"title": "one", "computer": "c1", **bad})  # type: ignore[arg-type]
    assert await site.states("c1") == [None]


async def test_x21_what_never_existed_cannot_be_destroyed(site: Site) -> None:
    await site.node("c1", 1)
    with pytest.raises(NotFoundError):
        await site.request("one", "c1", state="destroyed")
    assert await site.states("c1") == [None]


async def test_x10_addresses_are_those_of_the_computer(site: Site) -> None:
    await site.node("c1", 1, net=1)
    await site.node("c2", 1, net=2)
    assert (await site.request("one", "c2")).addresses[0].address == "10.0.2.0"
    assert (await site.document("c1")).partitions[0].addresses[0].address == "10.0.1.0"


async def test_c19_the_proxy_takes_its_own_computer(site: Site) -> None:
    await site.node("local_computer", 1)
    assert (await site.request("one")).computer == "local_computer"
    assert (await site.request("one", filter={"unheard_of": "x"})).computer == "local_computer"


async def test_a04_a06_format_keeps_instances_and_takes_new_addresses(site: Site) -> None:
    await site.node("c1", 2)
    one = await site.request("one", "c1")
    revision = await site.revision("c1")
    await site.node("c1", 2)
    assert await site.revision("c1") == revision
    await site.node("c1", 2, net=7)
    assert await site.revision("c1") != revision
    after = await site.at("c1", "slappart0")
    assert after.guid == one.guid
    assert after.addresses[0].address == "10.0.7.0"


async def test_r15_what_is_no_longer_listed_goes_with_its_instance(site: Site) -> None:
    await site.node("c1", 2)
    await site.request("one", "c1")
    two = await site.request("two", "c1")
    kept = formed("c1", 2, net=9).partitions[1]
    await site.format(NodeFormat(reference="c1", partitions=(kept, PartitionFormat(reference="new"))))
    with pytest.raises(NotFoundError):
        await site.named("one")
    assert (await site.at("c1", "slappart1")).guid == two.guid
    assert (await site.request("three", "c1")).partition == "new"
    with pytest.raises(NotAllocatedError):
        await site.request("four", "c1")


async def test_partitions_are_taken_in_the_order_of_the_format(site: Site) -> None:
    names = ("z", "a", "m")
    await site.format(NodeFormat(reference="c1", partitions=tuple(PartitionFormat(reference=name) for name in names)))
    assert [(await site.request(name, "c1")).partition for name in names] == list(names)
    document = await site.document("c1")
    assert [slot.reference for slot in document.partitions] == list(names)


async def test_d01_d02_a_destroyed_one_keeps_its_place_until_its_node_says_so(site: Site) -> None:
    await site.node("c1", 1)
    one = await site.request("one", "c1", parameters={"a": "1"})
    await site.publish("c1", "slappart0", {"u": "v"})
    assert (await site.request("one", "c1", state="destroyed")).state == "destroyed"
    with pytest.raises(NotAllocatedError):
        await site.request("two", "c1")
    assert await site.report("c1", "slappart0", "destroyed") == "OK"
    assert await site.roots() == []
    two = await site.request("two", "c1")
    assert (two.partition, two.parameters, two.connection) == ("slappart0", {}, {})
    assert two.guid != one.guid


async def test_who_asks_for_an_instance_that_was_freed_gets_a_new_one(site: Site) -> None:
    await site.node("c1", 1)
    one = await site.request("one", "c1")
    await site.request("one", "c1", state="destroyed")
    await site.report("c1", "slappart0", "destroyed")
    assert (await site.request("one", "c1")).guid != one.guid


async def test_an_unknown_partition_requests_nothing(site: Site) -> None:
    await site.node("c1", 2)
    expected = r"^No partition matching the authorization header: \(c1 / nowhere\)$"
    with pytest.raises(InvalidRequestError, match=expected):
        await site.request("one", "c1", requester=("c1", "nowhere"))
    root = await site.request("one", "c1", requester=("c1", "slappart1"))  # free, so nobody
    assert root.requester_title == ""


async def test_h04_a_frontend_without_a_host_is_answered(site: Site) -> None:
    asked = InstanceRequest(
        title="front",
        software_url="http://git.erp5.org/gitweb/slapos.git/blob_plain/HEAD:/software/apache-frontend/software.cfg",
        parameters={"url": "http://[::1]:80/a?b#c"},
        shared=True,
    )
    answer = await site.write(lambda c, now: instances.request(c, site.caller, None, asked, now))
    assert answer.connection == {"secure_access": "http://[::1]:80/a?b#c", "domain": "[::1]:80"}
    assert (answer.computer, answer.partition) == ("", "Fake frontend for http://[::1]:80/a?b#c")
