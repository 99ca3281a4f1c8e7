"""Checks D (life cycle, trees), E (timestamps) and G (rename) of the conformance list (spec section 13)."""

from tests.interop.slap.world import SR, World, place


def d01_d02_a_destroyed_instance_leaves_when_the_node_says_so(world: World) -> None:
    node = world.node(1)
    title = world.name("title")
    instance = node.request(title, {"a": "b"})
    instance.setConnectionDict({"u": "v"})
    node.request(title, {"a": "b"}, state="destroyed")
    fresh = world.fresh(instance)
    assert fresh.getState() == "destroyed"
    assert fresh.getSoftwareRelease().getURI() == SR
    world.refused(world.library.NotFoundError, node.request)
    instance.destroyed()
    again = node.request()
    assert place(again) == place(instance)
    assert world.parameters(again) == {}
    assert world.fresh(again).getConnectionParameterDict() == {}
    assert world.fresh(again).getState() == "started"


def d03_reports_do_not_change_what_is_asked(world: World) -> None:
    node = world.node(1)
    instance = node.request(state="stopped")
    instance.started()
    instance.stopped()
    instance.error("no disk")
    assert world.fresh(instance).getState() == "stopped"


def d04_all_of_a_tree_know_its_root(world: World) -> None:
    node = world.node(3)
    title = world.name("root")
    root = node.request(title)
    child = node.child(root)
    grandchild = node.child(child)
    assert {world.told(member, "root_instance_title") for member in (root, child, grandchild)} == {title}
    assert len({place(member) for member in (root, child, grandchild)}) == 3


def d06_a_title_is_one_instance_within_a_tree(world: World) -> None:
    node = world.node(4)
    root = node.request()
    one, two = node.child(root), node.child(root)
    title = world.name("shared")
    assert place(node.child(one, title)) == place(node.child(two, title))


def d07_a_child_and_a_root_may_have_one_title(world: World) -> None:
    node = world.node(3)
    title = world.name("title")
    child = node.child(node.request(), title)
    assert place(node.request(title)) != place(child)


def d08_children_follow_their_root(world: World) -> None:
    node = world.node(2)
    title, name = world.name("root"), world.name("child")
    root = node.request(title)
    node.child(root, name)
    for state in ("stopped", "started"):
        node.request(title, state=state)
        child = node.child(root, name, state="started")
        assert child.getState() == state
        assert world.fresh(child).getState() == state


def d09_a_child_can_stop_alone(world: World) -> None:
    node = world.node(2)
    root = node.request()
    child = node.child(root, state="stopped")
    assert world.fresh(child).getState() == "stopped"
    assert world.fresh(root).getState() == "started"


def d11_a_childs_partition_serves_others_after_it(world: World) -> None:
    node = world.node(2)
    root = node.request()
    name = world.name("child")
    child = node.child(root, name)
    node.child(root, name, state="destroyed")
    child.destroyed()
    title = world.name("root")
    again = node.request(title)
    assert place(again) == place(child)
    assert world.told(again, "root_instance_title") == title


def e01_a_bang_moves_the_time_of_its_tree(world: World) -> None:
    node = world.node(4)
    root, other = node.request(), node.request()
    child = node.child(root)
    tree = (root, child, node.child(child))
    outside = world.stamp(other)
    for member in tree:
        before = world.stamps(*tree)
        member.bang("something is wrong")
        assert all(now > then for now, then in zip(world.stamps(*tree), before, strict=True))
    assert world.stamp(other) == outside


def e02_a_bang_of_a_computer_is_taken(world: World) -> None:
    world.slap.registerComputer(world.node(1).id).bang("rebooted")


def e03_what_is_published_moves_the_time_of_who_asked(world: World) -> None:
    node = world.node(3)
    root = node.request()
    child = node.child(root)
    grandchild = node.child(child)
    before = world.stamps(root, child, grandchild)
    grandchild.setConnectionDict({"u": "v"})
    after = world.stamps(root, child, grandchild)
    assert (after[0], after[2]) == (before[0], before[2])
    assert after[1] > before[1]
    grandchild.setConnectionDict({"u": "v"})
    assert world.stamps(root, child, grandchild) == after


def g01_a_renamed_root_takes_its_tree_along(world: World) -> None:
    node = world.node(3)
    old, new = world.name("old"), world.name("new")
    root = node.request(old)
    child = node.child(root)
    root.rename(new)
    assert world.told(root, "instance_title") == new
    assert {world.told(member, "root_instance_title") for member in (root, child)} == {new}
    assert place(node.request(new)) == place(root)
    assert place(node.request(old)) != place(root)


def g02_two_children_can_swap_their_titles(world: World) -> None:
    node = world.node(3)
    root = node.request()
    a, b, between = world.name("a"), world.name("b"), world.name("between")
    one, two = node.child(root, a), node.child(root, b)
    one.rename(between)
    two.rename(a)
    one.rename(b)
    assert place(node.child(root, b)) == place(one)
    assert place(node.child(root, a)) == place(two)
