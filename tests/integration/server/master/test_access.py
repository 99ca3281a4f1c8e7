"""Who may do what: projects, roles, nodes and instances that speak for themselves; refusals are in the audit log."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import Connection, select, text
from tests.masters import Site

from pilothouse.identity.caller import Caller, PartitionKey
from pilothouse.server.master import instances, nodes
from pilothouse.server.master.errors import ForbiddenError, InvalidRequestError, NotFoundError
from pilothouse.store import audit
from pilothouse.store.schema import audit as log

OPERATOR = Caller(kind="user", name="ada", project="p", roles=frozenset({"operator"}), how="certificate")
VIEWER = Caller(kind="user", name="eve", project="p", roles=frozenset({"viewer"}))
STRANGER = Caller(kind="user", name="bob", project="q", roles=frozenset({"admin"}))
NODE = Caller(kind="node", name="c1")
OTHER_NODE = Caller(kind="node", name="c2")


def _actions(connection: Connection) -> list[tuple[str, str]]:
    return [
        (action, caller) for action, caller in connection.execute(select(log.c.action, log.c.caller).order_by(log.c.id))
    ]


@pytest.fixture
async def shop(site: Site) -> Site:
    """A project with two nodes and one instance on the first."""
    for project in "pq":
        await site.store.write(
            lambda c, p=project: c.execute(text("INSERT INTO projects VALUES (:p, '', 0)"), {"p": p}) and None  # type: ignore[misc]
        )
    ada = site.by(OPERATOR)
    await ada.node("c1", 3)
    await ada.node("c2", 1)
    await ada.request("one", "c1")
    return ada


async def _forbidden(site: Site, call: Callable[[], Awaitable[object]], caller: str, action: str) -> None:
    with pytest.raises(ForbiddenError):
        await call()
    assert (await site.store.read(_actions))[-1] == (f"refused: {action}", caller)
    await site.store.read(audit.verify)


async def test_changes_are_in_the_log_with_who_made_them(shop: Site) -> None:
    await shop.rename("c1", "slappart0", "two")
    await shop.publish("c1", "slappart0", {"password": "secret"})
    done = await shop.store.read(_actions)
    assert [action for action, _ in done] == [
        "node.create", "node.format", "node.create", "node.format", "instance.create", "instance.rename",
        "instance.publish",
    ]  # fmt: skip
    assert {caller for _, caller in done} == {"ada"}
    details = await shop.store.read(lambda c: [row.detail for row in c.execute(select(log.c.detail))])
    assert not any("secret" in detail for detail in details)


async def test_another_project_does_not_exist(shop: Site) -> None:
    bob = shop.by(STRANGER)
    for call in (
        lambda: bob.document("c1"),
        lambda: bob.at("c1", "slappart0"),
        lambda: bob.named("one"),
        lambda: bob.rename("c1", "slappart0", "mine"),
        lambda: bob.request("new", "c1"),
        lambda: bob.supply("c1"),
        lambda: bob.node("c1", 0),
        lambda: bob.report("c1", "slappart0", "destroyed"),
    ):
        with pytest.raises(NotFoundError):
            await call()
    with pytest.raises(InvalidRequestError):
        await bob.request("new", "c1", requester=("c1", "slappart0"))
    assert await bob.roots() == []
    assert await bob.store.read(lambda c: nodes.listed(c, STRANGER)) == []
    assert await shop.states("c1") == ["started", None, None]
    assert [each.title for each in await shop.roots()] == ["one"]
    assert len(await shop.store.read(lambda c: nodes.listed(c, OPERATOR))) == 2


async def test_a_viewer_looks_and_changes_nothing(shop: Site) -> None:
    eve = shop.by(VIEWER)
    assert (await eve.at("c1", "slappart0")).title == "one"
    assert len((await eve.document("c1")).partitions) == 3
    for call, action in (
        (lambda: eve.request("new", "c1"), "instance.request"),
        (lambda: eve.request("one", "c1", state="destroyed"), "instance.request"),
        (lambda: eve.rename("c1", "slappart0", "x"), "instance.rename"),
        (lambda: eve.supply("c1"), "software.supply"),
        (lambda: eve.node("c3", 1), "node.format"),
    ):
        await _forbidden(eve, call, "eve", action)


async def test_a_user_without_a_role_sees_nothing(shop: Site) -> None:
    nobody = shop.by(Caller(kind="user", name="nobody", project="p"))
    with pytest.raises(NotFoundError):
        await nobody.document("c1")
    assert await nobody.roots() == []


async def test_a_node_speaks_for_itself(shop: Site) -> None:
    node = shop.by(NODE)
    await node.node("c1", 3, net=5)
    assert len((await node.document("c1")).partitions) == 3
    await node.report("c1", "slappart0", "started")
    child = await node.request("child", "c1", requester=("c1", "slappart0"))
    assert (child.root_title, child.requester_title) == ("one", "one")
    assert (await node.named("child", "one")).guid == child.guid
    await node.publish("c1", "slappart0", {"u": "v"})
    assert [each.computer for each in await node.store.read(lambda c: nodes.listed(c, NODE))] == ["c1"]


async def test_a_node_that_speaks_for_another_is_refused_and_known(shop: Site) -> None:
    other = shop.by(OTHER_NODE)
    for call, action in (
        (lambda: other.document("c1"), "node.read"),
        (lambda: other.node("c1", 0), "node.format"),
        (lambda: other.report("c1", "slappart0", "destroyed"), "instance.destroyed"),
        (lambda: other.report("c1", "nowhere", "started"), "instance.report"),
        (lambda: other.publish("c1", "slappart0", {}), "instance.publish"),
        (lambda: other.bang("c1", "slappart0"), "instance.bang"),
        (lambda: other.request("x", "c1", requester=("c1", "slappart0")), "instance.request"),
        (lambda: other.request("x", "c1"), "instance.request"),
        (lambda: other.named("one"), "instance.read"),
        (lambda: other.supply("c2"), "software.supply"),
    ):
        await _forbidden(other, call, "c2", action)
    assert await shop.states("c1") == ["started", None, None]


async def test_an_instance_speaks_for_itself(shop: Site) -> None:
    one = await shop.at("c1", "slappart0")
    other = await shop.request("other", "c1")
    own = shop.by(Caller(kind="instance", name=one.guid))
    child = await own.request("child", "c1")
    assert child.requester_title == "one"
    assert (await own.request("child", "c1", requester=("c1", "slappart0"))).guid == child.guid
    assert (await own.at("c1", child.partition)).guid == child.guid
    await own.publish("c1", "slappart0", {"u": "v"})
    found = await own.store.read(lambda c: instances.by_guid(c, own.caller, one.guid))
    assert found.connection == {"u": "v"}
    for call, action in (
        (lambda: own.publish("c1", other.partition, {}), "instance.publish"),
        (lambda: own.rename("c1", child.partition, "x"), "instance.rename"),
        (lambda: own.at("c1", other.partition), "instance.read"),
        (lambda: own.request("x", "c1", requester=("c1", other.partition)), "instance.request"),
        (lambda: own.document("c1"), "node.read"),
        (lambda: own.node("c1", 0), "node.format"),
    ):
        await _forbidden(own, call, one.guid, action)
    gone = shop.by(Caller(kind="instance", name="SOFTINST-999"))
    await _forbidden(gone, lambda: gone.request("x", "c1"), "SOFTINST-999", "instance.request")
    assert PartitionKey("c1", "slappart0") == PartitionKey(one.computer, one.partition)


async def test_who_reaches_a_project_by_its_node_gets_no_other(shop: Site) -> None:
    bob = shop.by(STRANGER)
    await bob.node("c9", 1)
    with pytest.raises(NotFoundError):
        await shop.request("mine", "c9")
    assert (await bob.request("one", "c9")).computer == "c9"  # titles are a project's own
    with pytest.raises(NotFoundError):
        await bob.request("two", "c1")
