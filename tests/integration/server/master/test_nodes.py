"""Nodes and their releases: lists, reports, statuses, bangs (checks A, B; X02, X15 to X18, X23)."""

import pytest
from tests.masters import URL, Site

from pilothouse.identity.caller import PartitionKey
from pilothouse.server.master import instances, nodes, software
from pilothouse.server.master.errors import InvalidRequestError, NotFoundError
from pilothouse.services.node import Address, NodeFormat, PartitionFormat, Software
from pilothouse.services.policy import PRODUCTION
from pilothouse.store import messages

HERE = PartitionKey("c1", "slappart0")


async def _listed(site: Site, computer: str = "c1") -> list[tuple[str, str]]:
    found = await site.store.read(lambda c: software.listed(c, site.caller, computer))
    return [(each.url, each.state) for each in found]


async def test_a01_x02_x03_what_is_unknown_is_not_found(site: Site) -> None:
    with pytest.raises(NotFoundError, match=r"^c9 is not registered.$"):
        await site.document("c9")
    await site.node("c1", 1)
    with pytest.raises(NotFoundError):
        await site.store.read(lambda c: nodes.partition(c, site.caller, "c1", "nowhere"))
    with pytest.raises(NotFoundError, match=r"^No instance on partition slappart0 found.$"):
        await site.at("c1", "slappart0")
    assert await site.revision("c9") is None


async def test_a_partition_alone_is_what_it_is_in_the_document(site: Site) -> None:
    await site.node("c1", 2)
    await site.request("one", "c1", parameters={"a": "1"})
    await site.request("s", "c1", shared=True)
    document = await site.document("c1")
    for slot in document.partitions:
        assert await site.store.read(lambda c, name=slot.reference: nodes.partition(c, site.caller, "c1", name)) == slot  # type: ignore[misc]


async def test_b_releases_are_supplied_and_removed(site: Site) -> None:
    await site.node("c1", 0)
    await site.node("c2", 0)
    for url in ("a", "b", "c"):
        await site.supply("c1", url)
        await site.supply("c2", url)
    await site.supply("c1", "a", "destroyed")
    assert await _listed(site) == [("b", "available"), ("c", "available"), ("a", "destroyed")]
    await site.write(lambda c, now: software.report(c, site.caller, "c1", "a", "destroyed", "", now))
    assert await _listed(site) == [("b", "available"), ("c", "available")]
    assert len(await _listed(site, "c2")) == 3
    await site.supply("c1", "b", "destroyed")
    await site.supply("c1", "b")
    assert await _listed(site) == [("c", "available"), ("b", "available")]


async def test_what_nobody_asked_to_remove_stays(site: Site) -> None:
    await site.node("c1", 0)
    await site.supply("c1")
    for url in (URL, "unknown"):
        with pytest.raises(NotFoundError):
            await site.write(lambda c, now, url=url: software.report(c, site.caller, "c1", url, "destroyed", "", now))  # type: ignore[misc]
    with pytest.raises(NotFoundError):
        await site.supply("c9")
    with pytest.raises(InvalidRequestError):
        await site.supply("c1", URL, "there")


async def test_x16_reports_on_releases_are_kept(site: Site) -> None:
    await site.node("c1", 0)
    await site.supply("c1")
    none = await site.store.read(lambda c: software.status(c, site.caller, "c1", URL))
    assert (none.user, none.text, none.at) == ("SlapOS Master", f"#error no data found for {URL}", None)
    for state in ("building", "available"):
        await site.write(lambda c, now, s=state: software.report(c, site.caller, "c1", URL, s, "", now))  # type: ignore[misc]
    said = await site.store.read(lambda c: software.status(c, site.caller, "c1", URL))
    assert (said.user, said.text, said.state) == ("c1", f"#access software release {URL} available", "available")
    (listed,) = await site.store.read(lambda c: software.listed(c, site.caller, "c1"))
    assert listed == Software(url=URL, computer="c1", state="available", reported_state="available", status=said.text)


async def test_x16_reports_on_instances_are_kept_and_change_nothing_asked(site: Site) -> None:
    await site.node("c1", 1)
    one = await site.request("one", "c1")
    await site.report("c1", "slappart0", "started")
    first = await site.store.read(lambda c: instances.status(c, site.caller, HERE))
    assert (first.user, first.text, first.state) == ("c1", "#access Instance correctly started", "started")
    revision = await site.revision("c1")
    await site.report("c1", "slappart0", "started")
    again = await site.store.read(lambda c: instances.status(c, site.caller, HERE))
    assert again.since == first.since
    assert (again.at or 0) > (first.at or 0)
    assert await site.revision("c1") == revision
    await site.report("c1", "slappart0", "error", "x" * 100 + "the end")
    wrong = await site.store.read(lambda c: instances.status(c, site.caller, HERE))
    assert wrong.text == "#error while instanciating: " + ("x" * 100 + "the end")[-80:]
    assert (await site.at("c1", "slappart0")).state == "started"
    assert (await site.at("c1", "slappart0")).timestamp == one.timestamp
    history = await site.store.read(lambda c: messages.history(c, "instance", one.instance_id, 10))
    assert [state for _, _, state, _ in history] == ["error", "started"]


async def test_reports_on_nothing_are_not_found(site: Site) -> None:
    await site.node("c1", 1)
    with pytest.raises(NotFoundError):
        await site.report("c1", "slappart0", "started")
    with pytest.raises(NotFoundError, match=r"^Unknown partition 'nowhere' on 'c1'$"):
        await site.report("c1", "nowhere", "destroyed")


async def test_x15_a_bang_of_the_node_moves_all_on_it(site: Site) -> None:
    await site.node("c1", 2)
    await site.node("c2", 1)
    there = await site.request("there", "c2")
    before = [await site.request(title, "c1") for title in ("a", "b")]
    await site.write(lambda c, now: nodes.bang(c, site.caller, "c1", "rebooted", now))
    for each in before:
        assert (await site.at("c1", each.partition)).timestamp > each.timestamp
    assert (await site.at("c2", "slappart0")).timestamp == there.timestamp
    status = await site.store.read(lambda c: nodes.status(c, site.caller, "c1"))
    assert status.text == "#error bang called: rebooted"


async def test_a_timestamp_moves_although_the_clock_went_back(site: Site) -> None:
    await site.node("c1", 1)
    one = await site.request("one", "c1")
    site.clock.now -= 10_000
    two = await site.request("one", "c1", state="stopped")
    assert two.timestamp > one.timestamp
    await site.bang("c1", "slappart0")
    assert (await site.at("c1", "slappart0")).timestamp > two.timestamp


async def test_x23_a_requested_node_is_the_same_each_time(site: Site) -> None:
    first = await site.write(lambda c, now: nodes.request_node(c, site.caller, "rack 1", now))
    assert await site.write(lambda c, now: nodes.request_node(c, site.caller, "rack 1", now)) == first
    other = await site.write(lambda c, now: nodes.request_node(c, site.caller, "rack 2", now))
    assert (first.title, first.computer) == ("rack 1", first.computer)
    assert first.computer.startswith("COMP-")
    assert first.computer != other.computer
    assert (await site.document(first.computer)).partitions == ()
    await site.node(first.computer, 1)
    found = await site.store.read(lambda c: nodes.find(c, site.caller, first.computer))
    assert (found.title, found.address) == ("rack 1", "192.0.2.1")
    listed = await site.store.read(lambda c: nodes.listed(c, site.caller))
    assert [each.computer for each in listed] == sorted([first.computer, other.computer])


async def test_a_sign_of_life(site: Site) -> None:
    await site.node("c1", 0)
    await site.write(lambda c, now: nodes.seen(c, "c1", now))
    status = await site.store.read(lambda c: nodes.status(c, site.caller, "c1"))
    assert (status.text, status.user, status.at) == ("#access c1 is alive", "c1", site.clock.time())


async def test_production_frees_only_what_was_to_be_destroyed(site: Site) -> None:
    await site.node("c1", 2)
    await site.request("one", "c1")
    await site.request("child", "c1", requester=("c1", "slappart0"))
    site.policy = PRODUCTION
    for partition in ("slappart0", "slappart1"):
        assert (await site.report("c1", partition, "destroyed")).startswith("Not destroying because nobody asked")
    assert await site.states("c1") == ["started", "started"]
    site.policy = None
    assert await site.report("c1", "slappart1", "destroyed") == "OK"  # a proxy believes its nodes


async def test_products_have_their_newest_release_first(site: Site) -> None:
    for url in ("v1", "v2", "v1"):
        await site.write(lambda c, now, u=url: software.add_to_product(c, site.caller, "kvm", u, now))  # type: ignore[misc]
    assert await site.store.read(lambda c: software.releases_of_product(c, site.caller, "kvm")) == ["v1", "v2"]
    assert await site.store.read(lambda c: software.releases_beside(c, site.caller, "v2")) == ["v1", "v2"]
    assert await site.store.read(lambda c: software.releases_of_product(c, site.caller, "none")) == []


@pytest.mark.parametrize(
    "form",
    [
        NodeFormat(reference=""),
        NodeFormat(reference="c\0"),
        NodeFormat(reference="c1", partitions=(PartitionFormat(reference=""),)),
        NodeFormat(reference="c1", partitions=(PartitionFormat(reference="p"), PartitionFormat(reference="p"))),
        NodeFormat(
            reference="c1",
            partitions=(PartitionFormat(reference="p", addresses=(Address(interface="a\0", address="::1"),)),),
        ),
        NodeFormat(reference="c1", details={"x": "\ud800"}),
        NodeFormat(reference="c1", details={"x": 1j}),
    ],
)
async def test_a_format_that_cannot_be_meant_is_refused(site: Site, form: NodeFormat) -> None:
    with pytest.raises(InvalidRequestError):
        await site.format(form)
    assert await site.store.read(lambda c: nodes.listed(c, site.caller)) == []
