"""Checks A (registration of nodes) and B (software) of the conformance list (spec section 13)."""

from tests.interop.slap.world import SR, World, described_as, place


def a01_a_computer_that_was_never_formatted_is_an_error(world: World) -> None:
    world.refused(world.refusals, world.slap.registerComputer(world.name("nobody")).getComputerPartitionList)


def a02_partitions_come_in_the_order_of_the_format(world: World) -> None:
    node = world.node(3)
    assert [partition.getId() for partition in node.listed()] == node.partitions


def a03_a_free_partition_says_so(world: World) -> None:
    node = world.node(1)
    [name] = node.partitions
    lazy = world.slap.registerComputerPartition(node.id, name)
    for partition in (node.listed()[0], lazy):
        assert partition.getState() == "destroyed"
        assert partition.getInstanceParameterDict() == {}
        assert partition.getConnectionParameterDict() == {}
        assert partition.getInstanceGuid() == f"{node.id}-{name}"
        assert "No software release information" in str(
            world.refused(world.library.NotFoundError, partition.getSoftwareRelease)
        )
    assert node.listed()[0]._need_modification == 0


def a04_formatting_again_keeps_what_is_there(world: World) -> None:
    node = world.node(2)
    instance = node.request(parameters={"a": "b"})
    node.format()
    assert world.parameters(instance) == {"a": "b"}
    assert node.states() == ["started", "destroyed"]


def a06_new_addresses_are_told_to_instances(world: World) -> None:
    node = world.node(2)
    first, second = node.request(), node.request()
    one, two = node.partitions
    node.format(described_as(one, "fd00::1", "slaptap7"), described_as(two, "10.9.9.9", ""))
    assert world.told(first, "ip_list") == [("slaptap7", "fd00::1")]
    assert world.told(second, "ip_list") == [(two, "10.9.9.9")]


def a07_equal_names_on_two_computers_are_two_partitions(world: World) -> None:
    one, two = world.node(0), world.node(0)
    one.format(described_as("slappart0", "10.0.0.7"))
    two.format(described_as("slappart0", "10.0.0.8"))
    instance = two.request()
    assert place(instance) == (two.id, "slappart0")
    assert one.states() == ["destroyed"]
    [partition] = two.listed()
    assert partition.getInstanceParameterDict()["ip_list"] == [("slaptap0", "10.0.0.8")]
    assert partition.getInstanceParameterDict()["slap_computer_id"] == two.id


def a08_one_document_says_all_of_a_computer(world: World) -> None:
    node = world.node(2)
    title = world.name("title")
    node.request(title, {"a": "b"}, software_type="kind")
    world.supply.supply(SR, node.id)
    computer = world.slap.registerComputer(node.id)
    [release] = computer.getSoftwareReleaseList()
    assert (release.getURI(), release.getState()) == (SR, "available")
    busy, free = computer.getComputerPartitionList()
    assert free.getState() == "destroyed"
    assert busy.getType() == "kind"
    assert busy.getSoftwareRelease().getURI() == SR
    told = busy.getInstanceParameterDict()
    assert (told["a"], told["instance_title"], told["root_instance_title"]) == ("b", title, title)
    assert (told["slave_instance_list"], told["slap_software_release_url"]) == ([], SR)
    assert float(told["timestamp"]) > 0


def b01_supplied_software_is_listed(world: World) -> None:
    node = world.node(0)
    assert world.supply.supply(SR, node.id) is None
    assert node.software() == {SR: "available"}


def b03_b04_b05_software_goes_when_the_node_says_so(world: World) -> None:
    node = world.node(0)
    world.supply.supply(SR, node.id)
    world.supply.supply(SR, node.id, state="destroyed")
    assert node.software() == {SR: "destroyed"}
    world.supply.supply(SR, node.id)
    assert node.software() == {SR: "available"}
    world.supply.supply(SR, node.id, state="destroyed")
    [release] = world.slap.registerComputer(node.id).getSoftwareReleaseList()
    release.building()
    release.available()
    release.error("no disk")
    assert node.software() == {SR: "destroyed"}
    release.destroyed()
    assert node.software() == {}


def b06_each_node_has_a_list_of_its_own(world: World) -> None:
    one, two = world.node(0), world.node(0)
    for url in ("http://sr/a", "http://sr/b"):
        world.supply.supply(url, one.id)
        world.supply.supply(url, two.id)
    for url in ("http://sr/a", "http://sr/b"):
        world.supply.supply(url, one.id, "destroyed")
    for release in world.slap.registerComputer(one.id).getSoftwareReleaseList():
        release.destroyed()
    assert one.software() == {}
    assert two.software() == {"http://sr/a": "available", "http://sr/b": "available"}
