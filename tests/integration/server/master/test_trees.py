"""Trees: who belongs to whom, states and timestamps through a tree, its end (checks D, E, G; X05, X26)."""

import pytest
from tests.masters import Site

from pilothouse.identity.caller import PartitionKey
from pilothouse.server.master import instances
from pilothouse.server.master.errors import InvalidRequestError, NotAllocatedError, NotFoundError
from pilothouse.services.policy import Policy

ROOT = ("c1", "slappart0")
CHILD = ("c1", "slappart1")


async def _tree(site: Site, count: int = 3) -> None:
    """A root, its child, and the child's child."""
    await site.node("c1", 6)
    requester = None
    for number in range(count):
        await site.request(f"level{number}", "c1", requester=requester)
        requester = ("c1", f"slappart{number}")


async def test_d04_all_members_know_their_root(site: Site) -> None:
    await _tree(site)
    document = await site.document("c1")
    assert [slot.occupant and slot.occupant.root_title for slot in document.partitions[:3]] == ["level0"] * 3
    assert (await site.at("c1", "slappart2")).requester_title == "level0"


async def test_d06_d07_a_title_belongs_to_the_tree(site: Site) -> None:
    await _tree(site)
    first = await site.request("same", "c1", requester=ROOT)
    assert (await site.request("same", "c1", requester=CHILD)).guid == first.guid
    assert (await site.request("same", "c1")).guid != first.guid


async def test_d08_x05_a_root_decides_and_children_come_back_with_it(site: Site) -> None:
    await _tree(site, 2)
    for state in ("stopped", "started", "stopped", "started"):
        await site.request("level0", "c1", state=state)
        assert (await site.request("level1", "c1", requester=ROOT)).state == state
        assert (await site.named("level1", "level0")).state == state
    await site.request("level1", "c1", requester=ROOT, state="stopped")
    assert await site.states("c1") == ["started", "stopped", None, None, None, None]


async def test_x21_nothing_new_is_made_below_a_root_that_goes(site: Site) -> None:
    await _tree(site, 1)
    await site.request("level0", "c1", state="destroyed")
    with pytest.raises(NotFoundError):
        await site.request("late", "c1", requester=ROOT)


async def test_e01_a_bang_moves_the_whole_tree_to_one_value(site: Site) -> None:
    await _tree(site)
    other = await site.request("other", "c1")
    for place in ("slappart0", "slappart1", "slappart2"):
        before = [(await site.at("c1", f"slappart{number}")).timestamp for number in range(3)]
        await site.bang("c1", place)
        after = [(await site.at("c1", f"slappart{number}")).timestamp for number in range(3)]
        assert len(set(after)) == 1
        assert after[0] > max(before)
    assert (await site.at("c1", "slappart3")).timestamp == other.timestamp


async def test_e03_new_connection_values_move_the_direct_requester_only(site: Site) -> None:
    await _tree(site)

    async def times() -> list[float]:
        return [(await site.at("c1", f"slappart{number}")).timestamp for number in range(3)]

    before = await times()
    await site.publish("c1", "slappart2", {"url": "x"})
    after = await times()
    assert after[1] > before[1]
    assert (after[0], after[2]) == (before[0], before[2])
    revision = await site.revision("c1")
    await site.publish("c1", "slappart2", {"url": "x"})
    assert await times() == after
    assert await site.revision("c1") == revision


async def test_a_requester_on_another_computer_is_reached(site: Site) -> None:
    await site.node("c1", 1)
    await site.node("c2", 1)
    root = await site.request("root", "c1")
    await site.request("child", "c2", requester=ROOT)
    revision = await site.revision("c1")
    await site.publish("c2", "slappart0", {"url": "x"})
    assert (await site.at("c1", "slappart0")).timestamp > root.timestamp
    assert await site.revision("c1") != revision


async def test_d03_a_root_waits_for_its_children(site: Site) -> None:
    await _tree(site)
    await site.request("level0", "c1", state="destroyed")
    kept = "Not destroying yet because this partition has child partitions: level1, level2"
    assert await site.report("c1", "slappart0", "destroyed") == kept
    assert await site.states("c1") == ["destroyed"] * 3 + [None] * 3
    assert await site.report("c1", "slappart1", "destroyed") == "OK"
    assert await site.report("c1", "slappart0", "destroyed") == kept.replace("level1, ", "")
    assert await site.report("c1", "slappart2", "destroyed") == "OK"
    assert await site.report("c1", "slappart0", "destroyed") == "OK"
    assert await site.report("c1", "slappart0", "destroyed") == "OK"
    assert await site.states("c1") == [None] * 6


async def test_d11_a_freed_childs_place_serves_another_tree(site: Site) -> None:
    await _tree(site, 2)
    await site.request("level1", "c1", requester=ROOT, state="destroyed")
    await site.report("c1", "slappart1", "destroyed")
    new = await site.request("new", "c1")
    assert (new.partition, new.root_title, new.requester_title) == ("slappart1", "new", "")


async def test_children_of_a_root_whose_partition_vanished_are_destroyed(site: Site) -> None:
    await site.node("c1", 1)
    await site.node("c2", 1)
    await site.request("root", "c1")
    await site.request("child", "c2", requester=ROOT)
    await site.node("c1", 0)
    assert await site.states("c2") == ["destroyed"]


async def test_g01_x26_a_root_takes_its_tree_along(site: Site) -> None:
    await _tree(site)
    root = await site.at("c1", "slappart0")
    revision = await site.revision("c1")
    await site.rename("c1", "slappart0", "new")
    assert await site.revision("c1") != revision
    assert (await site.named("level2", "new")).root_title == "new"
    assert (await site.request("new", "c1")).guid == root.guid
    assert (await site.request("level0", "c1")).guid != root.guid


async def test_g02_titles_can_be_swapped_but_not_taken(site: Site) -> None:
    await _tree(site, 1)
    a = await site.request("a", "c1", requester=ROOT)
    b = await site.request("b", "c1", requester=ROOT)
    with pytest.raises(InvalidRequestError, match="'b' is the title of another instance"):
        await site.rename("c1", a.partition, "b")
    for partition, title in ((a.partition, "tmp"), (b.partition, "a"), (a.partition, "b")):
        await site.rename("c1", partition, title)
    assert (await site.request("a", "c1", requester=ROOT)).guid == b.guid
    assert (await site.request("b", "c1", requester=ROOT)).guid == a.guid
    with pytest.raises(InvalidRequestError):
        await site.rename("c1", a.partition, "")


async def test_x18_the_addresses_of_a_tree(site: Site) -> None:
    await _tree(site, 2)
    place = PartitionKey(*CHILD)
    found = await site.store.read(lambda c: instances.addresses_of_tree(c, site.caller, place))
    assert found == [("slaptap0", "10.0.1.0"), ("slaptap0", "10.0.1.1")]
    await site.request("level1", "c1", requester=ROOT, state="destroyed")
    assert await site.store.read(lambda c: instances.addresses_of_tree(c, site.caller, place)) == []


@pytest.mark.parametrize(("policy", "reason"), [(Policy(members=2), "2 instances"), (Policy(depth=2), "3 levels")])
async def test_a_tree_that_requests_itself_ends(site: Site, policy: Policy, reason: str) -> None:
    site.policy = policy
    await _tree(site, 3)
    with pytest.raises(NotAllocatedError) as refused:
        await site.request("level3", "c1", requester=("c1", "slappart2"))
    assert reason in refused.value.reason
    await site.request("level2", "c1", requester=CHILD, state="stopped")  # what is there may still change
