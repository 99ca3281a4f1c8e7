"""Checks C (requests) of the conformance list (spec section 13)."""

import contextlib

from tests.interop.slap.world import SR, World, place


def c01_two_titles_take_two_partitions(world: World) -> None:
    node = world.node(2)
    for number, name in enumerate(node.partitions):
        instance = node.request(parameters={"n": str(number)})
        assert place(instance) == (node.id, name)
        assert instance.getInstanceGuid() == f"{node.id}-{name}"
        assert instance.getState() == "started"
        assert instance.getInstanceParameter("n") == str(number)
        assert float(instance.getInstanceParameter("timestamp")) > 0
        assert instance.ip_list == [("slaptap0", f"10.0.0.{number}")]
        assert instance.getConnectionParameterDict() == {}
        assert instance.getSoftwareRelease().getURI() == SR


def c02_the_same_request_changes_nothing(world: World) -> None:
    node = world.node(2)
    title = world.name("title")
    instance = node.request(title, {"a": "b"})
    before = world.stamp(instance)
    assert place(node.request(title, {"a": "b"})) == place(instance)
    assert world.stamp(instance) == before
    assert node.states() == ["started", "destroyed"]


def c03_other_parameters_replace_all_of_them(world: World) -> None:
    node = world.node(1)
    title = world.name("title")
    instance = node.request(title, {"a": "1", "gone": "x"})
    before = world.stamp(instance)
    node.request(title, {"a": "2"})
    assert world.parameters(instance) == {"a": "2"}
    assert world.stamp(instance) > before


def c04_the_type_has_a_default_and_can_change(world: World) -> None:
    node = world.node(1)
    title = world.name("title")
    instance = node.request(title)
    assert world.fresh(instance).getType() == "default"
    before = world.stamp(instance)
    assert place(node.request(title, software_type="other")) == place(instance)
    assert world.fresh(instance).getType() == "other"
    assert world.stamp(instance) > before


def c06_a_full_node_takes_nothing_more(world: World) -> None:
    node = world.node(1)
    node.request()
    world.refused(world.library.NotFoundError, node.request)


def c07_an_unknown_computer_takes_nothing(world: World) -> None:
    node = world.node(1)
    world.refused(world.library.NotFoundError, node.request, sla={"computer_guid": world.name("nobody")})
    assert node.states() == ["destroyed"]


def c08_an_instance_stays_where_it_is(world: World) -> None:
    one, two = world.node(1), world.node(1)
    title = world.name("title")
    instance = one.request(title)
    assert place(two.request(title)) == place(instance)
    assert two.states() == ["destroyed"]


def c09_no_state_asked_keeps_the_state(world: World) -> None:
    node = world.node(1)
    title = world.name("title")
    stored = [world.fresh(node.request(title, state=state)).getState() for state in (None, "stopped", None, "started")]
    assert stored == ["started", "stopped", "stopped", "started"]


def c11_texts_come_back_exactly(world: World) -> None:
    node = world.node(1)
    parameters = {"é": "ü<&>\"'", "a b": "  x  ", "lines": "one\n two\n", "<k>&\"'": "&amp;lt;", "😀": "\u2028"}
    assert world.parameters(node.request(parameters=parameters)) == parameters


def c12_other_values_become_texts(world: World) -> None:
    node = world.node(1)
    instance = node.request(parameters={"i": 3, "n": None, "b": True, "f": 1.5, "l": [1, "a"]})
    expected = {"i": "3", "n": "None", "b": "True", "f": "1.5", "l": "[1, 'a']"}
    assert world.parameters(instance) == expected


def c13_wrapped_json_comes_back_byte_for_byte(world: World) -> None:
    node = world.node(1)
    text = '{"b": [1, 2.50, null],\n "a": "\\u00e9 <&> é"}'
    assert world.parameters(node.request(parameters={"_": text})) == {"_": text}


def c14_an_empty_text_is_there(world: World) -> None:
    node = world.node(1)
    stored = world.parameters(node.request(parameters={"empty": ""}))
    assert stored in ({"empty": ""}, {"empty": None})


def c16_c17_publishing_replaces_and_moves_no_time_of_its_own(world: World) -> None:
    node = world.node(1)
    instance = node.request()
    before = world.stamp(instance)
    instance.setConnectionDict({"a": "1", "b": "2"})
    instance.setConnectionDict({"b": "http://h/?a=1&b=<2>"})
    assert world.fresh(instance).getConnectionParameterDict() == {"b": "http://h/?a=1&b=<2>"}
    assert world.fresh(instance).getConnectionParameter("b") == "http://h/?a=1&b=<2>"
    assert world.stamp(instance) == before


def c18_a_parameter_is_there_or_not_found(world: World) -> None:
    node = world.node(1)
    node.request(parameters={"a": "b"})
    [partition] = node.listed()
    assert partition.getInstanceParameter("a") == "b"
    world.refused(world.library.NotFoundError, partition.getInstanceParameter, "c")
    world.refused(world.library.NotFoundError, partition.getConnectionParameter, "c")


def c19_no_wish_at_all_means_the_default_computer(world: World) -> None:
    node = world.node(1)
    with contextlib.suppress(world.library.NotFoundError):
        world.order.request(SR, world.name("title"))
    assert node.states() == ["destroyed"]
