"""Checks F (slaves) of the conformance list (spec section 13)."""

from typing import Any

from tests.interop.slap.world import Node, World, place


def _slave(node: Node, title: str, parameters: Any = None, **kw: Any) -> Any:
    return node.request(title, parameters, shared=True, **{"software_type": "T", **kw})


def _host(node: Node, **kw: Any) -> Any:
    return node.request(**{"software_type": "T", **kw})


def _listed(world: World, host: Any) -> dict[str, Any]:
    entries = world.told(host, "slave_instance_list")
    assert len(entries) == len({entry["slave_reference"] for entry in entries})
    return {entry["slave_reference"]: entry for entry in entries}


def f01_without_a_host_there_is_no_slave(world: World) -> None:
    node = world.node(1)
    world.refused(world.library.NotFoundError, _slave, node, world.name("slave"))
    assert node.states() == ["destroyed"]


def f02_a_slave_lives_with_its_host(world: World) -> None:
    node = world.node(1)
    host = _host(node)
    title = world.name("slave")
    slave = _slave(node, title, {"domain": "d", "n": 1})
    assert place(slave) == place(host)
    assert slave.getConnectionParameterDict() == {}
    assert slave.getInstanceParameterDict() == {"domain": "d", "n": "1"}
    [entry] = _listed(world, host).values()
    assert (entry["slave_reference"], entry["slave_title"]) == (f"_{title}", f"_{title}")
    assert (entry["slap_software_type"], entry["domain"]) == ("T", "d")


def f03_only_a_changed_slave_moves_the_time_of_its_host(world: World) -> None:
    node = world.node(1)
    host = _host(node)
    title = world.name("slave")
    for parameters, moves in (({"a": "1"}, True), ({"a": "1"}, False), ({"a": "2"}, True), ({"a": "2"}, False)):
        before = world.stamp(host)
        _slave(node, title, parameters)
        assert (world.stamp(host) > before) == moves
    assert [entry["a"] for entry in _listed(world, host).values()] == ["2"]


def f04_what_is_published_for_a_slave_is_its_own(world: World) -> None:
    node = world.node(1)
    host = _host(node)
    host.setConnectionDict({"of": "host"})
    one, two = world.name("slave"), world.name("slave")
    _slave(node, one)
    _slave(node, two)
    host.setConnectionDict({"url": "http://one"}, slave_reference=f"_{one}")
    assert _slave(node, one).getConnectionParameterDict() == {"url": "http://one"}
    assert _slave(node, two).getConnectionParameterDict() == {}
    assert world.fresh(host).getConnectionParameterDict() == {"of": "host"}


def f06_a_slave_can_choose_its_host(world: World) -> None:
    node = world.node(2)
    _host(node)
    second = _host(node)
    sla = {"instance_guid": world.fresh(second).getInstanceGuid()}
    assert place(_slave(node, world.name("slave"), sla=sla)) == place(second)
    nothing = {"instance_guid": f"{node.id}-nothing"}
    world.refused(world.library.NotFoundError, _slave, node, world.name("slave"), sla=nothing)


def f07_type_and_software_must_be_those_of_the_host(world: World) -> None:
    node = world.node(1)
    _host(node)
    for other in ({"software_type": "other"}, {"sr": "http://sr.example/other.cfg"}):
        world.refused(world.library.NotFoundError, _slave, node, world.name("slave"), **other)


def f08_slaves_are_told_apart_by_their_tree(world: World) -> None:
    node = world.node(3)
    host = _host(node)
    titles = [world.name("root"), world.name("root")]
    title = world.name("slave")
    for root in [node.request(name) for name in titles]:
        node.child(root, title, kind="T", shared=True)
    _slave(node, title)
    assert _listed(world, host).keys() == {f"{titles[0]}_{title}", f"{titles[1]}_{title}", f"_{title}"}


def f09_what_is_published_for_a_slave_moves_the_time_of_who_asked(world: World) -> None:
    node = world.node(3)
    host = _host(node)
    title, name = world.name("root"), world.name("slave")
    root = node.request(title)
    child = node.child(root)
    node.child(child, name, kind="T", shared=True)
    before = world.stamps(root, child)
    host.setConnectionDict({"u": "v"}, slave_reference=f"{title}_{name}")
    after = world.stamps(root, child)
    assert after[0] == before[0]
    assert after[1] > before[1]
