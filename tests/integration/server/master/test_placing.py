"""Where production puts what names no computer (15.4)."""

import pytest
from tests.masters import URL, Site, formed

from pilothouse.server.master import nodes
from pilothouse.server.master.errors import NotAllocatedError
from pilothouse.store import candidates


async def _supplied(site: Site, *computers: str, count: int = 3) -> None:
    for number, computer in enumerate(computers):
        await site.node(computer, count, net=number)
        await site.supply(computer)


async def _describe(site: Site, computer: str, is_open: bool = True, **categories: str) -> None:
    await site.write(lambda c, now: nodes.describe(c, site.caller, computer, categories, now, is_open=is_open))


async def test_the_emptiest_node_with_the_release_takes_it(production: Site) -> None:
    await _supplied(production, "c1", "c2")
    await production.node("bare", 9)
    places = [await production.request(f"i{number}") for number in range(6)]
    assert sorted((each.computer, each.partition) for each in places) == [
        (computer, f"slappart{number}") for computer in ("c1", "c2") for number in range(3)
    ]
    assert [each.computer for each in places] == ["c1", "c2"] * 3
    with pytest.raises(NotAllocatedError):
        await production.request("one more")
    await production.request("i0", state="destroyed")
    await production.report("c1", "slappart0", "destroyed")
    assert (await production.request("one more")).partition == "slappart0"


async def test_a_release_that_is_to_go_counts_as_absent(production: Site) -> None:
    await _supplied(production, "c1")
    await production.supply("c1", URL, "destroyed")
    with pytest.raises(NotAllocatedError):
        await production.request("one")


async def test_a_node_far_down_the_list_is_found(production: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await production.node("empty", 5)
    for number in range(candidates.PAGE + 1):
        await production.node(f"n{number}", 1)
    await _supplied(production, "late", count=2)
    await production.request("first", "late")
    assert (await production.request("second")).computer == "late"


async def test_filters_are_heeded(production: Site) -> None:
    await _supplied(production, "c1", "c2", "c3")
    await _describe(production, "c1", region="europe/west", memory_size="8")
    await _describe(production, "c2", region="europe/east", network_guid="NET-1")
    await _describe(production, "c3", is_open=False, region="asia")
    for wanted, computer in (
        ({"region": "europe/east"}, "c2"),
        ({"region": "europe", "memory_size": "8"}, "c1"),
        ({"network_guid": "NET-1", "retention_delay": "3"}, "c2"),
        ({"computer_guid": "c1", "region": "europe"}, "c1"),
    ):
        assert (await production.request(f"for {wanted}", filter=wanted)).computer == computer
    for impossible in (
        {"region": "asia"},
        {"region": "europe/w"},
        {"colour": "red"},
        {"project_guid": "elsewhere"},
        {"computer_guid": "c1", "region": "asia"},
        {"computer_guid": "c3"},
        {"capability": "gpu"},
    ):
        with pytest.raises(NotAllocatedError):
            await production.request("never", filter=impossible)


async def test_an_unknown_key_says_which(production: Site) -> None:
    await _supplied(production, "c1")
    with pytest.raises(NotAllocatedError) as refused:
        await production.request("never", filter={"colour": "red"})
    assert refused.value.reason == "no node is described by colour"


async def test_partitions_with_capabilities_serve_only_who_asks(production: Site) -> None:
    await production.format(formed("c1", 2, capabilities=("gpu", "fpga")))
    await production.supply("c1")
    with pytest.raises(NotAllocatedError):
        await production.request("plain")
    with pytest.raises(NotAllocatedError):
        await production.request("plain", "c1")
    first = await production.request("gpu", filter={"capability": "gpu"})
    second = await production.request("fpga", "c1", filter={"capability": "fpga"})
    assert {first.partition, second.partition} == {"slappart0", "slappart1"}
    with pytest.raises(NotAllocatedError):
        await production.request("third", filter={"capability": "gpu"})
    await production.request("gpu", state="destroyed")
    await production.report("c1", first.partition, "destroyed")
    with pytest.raises(NotAllocatedError):
        await production.request("plain", "c1")
    assert (await production.request("third", filter={"capability": "gpu"})).partition == first.partition


async def test_backups_are_kept_for_a_week(production: Site) -> None:
    await _supplied(production, "c1")
    made = await production.request("backup", software_type="pull-backup")
    assert made.filter == {"retention_delay": "7.0"}
