"""The stream of changes: told to whom it concerns, resumed without a gap, alike by every server on one database."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from tests.integration.server.rest.conftest import World
from tests.masters import URL, formed
from tests.servers import PATIENCE, serving

from pilothouse.identity.authority import Issued
from pilothouse.identity.caller import LOCAL
from pilothouse.server import enrolment
from pilothouse.server.api.rest import changes as rest_changes
from pilothouse.server.following import Follower
from pilothouse.store import changes
from pilothouse.store.changes import Change, Cursor

PATH = "/api/v1/changes"


class Event(NamedTuple):
    id: str
    kind: str
    data: dict[str, Any]


class Events:
    """What comes over one stream."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.aiter_lines()
        self.comments = 0

    async def next(self) -> Event:
        found: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE):
            async for line in self._lines:
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, _, value = line.partition(": ")
                    found[name] = value
                elif "event" in found:
                    return Event(found["id"], found["event"], json.loads(found["data"]))
        raise EOFError

    async def until(self, subject: str) -> list[Event]:
        """Return what comes up to the first event about this."""
        seen = [await self.next()]
        while seen[-1].data["subject"] != subject:
            seen.append(await self.next())
        return seen


@contextlib.asynccontextmanager
async def stream(client: httpx.AsyncClient, since: str = "") -> AsyncIterator[Events]:
    headers = {"Last-Event-ID": since} if since else {}
    async with client.stream("GET", PATH, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Events(answer)


async def test_changes_are_told_and_nothing_is_missed_by_coming_back(world: World) -> None:
    admin = world.client()
    async with stream(admin) as events:
        hello = await events.next()
        assert (hello.kind, hello.data) == ("hello", {})
        made = await world.site.request("shop", "COMP-1")
        first = await events.until(made.guid)
    kinds = {event.kind: event.data for event in first}
    assert kinds["instance"]["state"] == "started"
    assert kinds["instance"]["computer"] == "COMP-1"
    await world.site.report("COMP-1", made.partition, "started")
    await world.site.supply("COMP-1", "http://other/")
    await world.site.report("COMP-1", made.partition, "stopped")
    async with stream(admin, first[-1].id) as events:
        assert (await events.next()).id == first[-1].id
        missed = {(event := await events.next()).kind: event.data for _ in range(3)}
        assert missed["instance"]["reported"] == "stopped"  # once, as it is now
        assert (missed["supply"]["subject"], missed["supply"]["state"]) == ("http://other/", "available")
        assert missed["node"]["revision"] > 1
        await world.site.format(formed("COMP-2", 1, net=2))
        assert (await events.until("COMP-2"))[-1].kind == "node"


async def test_what_is_gone_is_told(world: World) -> None:
    made = await world.site.request("shop", "COMP-1")
    async with stream(world.client()) as events:
        await events.next()
        await world.site.request("shop", "COMP-1", state="destroyed")
        await world.site.report("COMP-1", made.partition, "destroyed")
        seen = await events.until(made.guid)
        while not seen[-1].data["gone"]:
            seen += await events.until(made.guid)
    assert seen[-1].data["state"] == "destroyed"


async def test_after_a_backup_was_restored_everything_is_told(world: World) -> None:
    async with stream(world.client(), f"{2**59}-1") as events:
        assert (await events.next()).id == "0-0"
        assert {(await events.next()).kind for _ in range(3)} == {"node", "supply", "instance"}


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
async def test_a_project_hears_of_its_own(world: World) -> None:
    ann = await world.user("ann", "operator", "shop")
    async with stream(ann) as events:
        start = await events.next()
        await world.site.request("other", "COMP-1")
        made = (await ann.post("/api/v1/nodes", json={"title": "mine"})).json()["reference"]
        assert {event.data["project"] for event in await events.until(made)} == {"shop"}
    async with stream(ann, start.id) as events:
        await events.next()
        assert (await events.next()).data["project"] == "shop"


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
async def test_a_node_hears_of_itself(where: str, tmp_path: Path) -> None:
    async with serving(tmp_path, where, tls_listen="127.0.0.1:0") as server:
        from tests.masters import Site

        from pilothouse.services.policy import PRODUCTION
        from pilothouse.store.database import open_store

        store = await open_store(where)
        site = Site(store, policy=PRODUCTION)
        for number in (1, 2):
            await site.format(formed(f"COMP-{number}", 1, net=number))
            await site.supply(f"COMP-{number}")
        now = site.clock.time()
        authority = server.root(now)

        def certified(connection: Any) -> Issued:
            return enrolment.certify(connection, authority, LOCAL, "node", "COMP-1", 1_795_000_000.0)

        issued = await store.write(certified)
        async with server.client(None, issued) as client, stream(client) as events:
            hello, own = await events.next(), await events.next()
            assert (own.kind, own.data["subject"], own.id) == ("node", "COMP-1", hello.id)
            await site.request("theirs", "COMP-2")
            mine = await site.request("mine", "COMP-1")
            seen = await events.until(mine.guid)
            assert {event.data["computer"] for event in seen} == {"COMP-1"}
        await store.close()


@pytest.mark.parametrize("where", ["postgresql"], indirect=True)
async def test_servers_on_one_database_tell_alike(world: World, tmp_path: Path) -> None:
    async with serving(tmp_path / "other", world.server.database) as other:
        client = httpx.AsyncClient(
            base_url=other.url,
            headers={"Authorization": f"Bearer {world.server.token}"},
            timeout=PATIENCE,
            trust_env=False,
        )
        async with client, stream(client) as events:
            hello = await events.next()
            asked = {"title": "shop", "software_url": URL, "filter": {"computer_guid": "COMP-1"}}
            made = (await world.client().post("/api/v1/instances", json=asked)).json()
            await events.until(made["guid"])
        # the place in the order means the same on the other server
        async with stream(world.client(), hello.id) as events:
            await events.next()
            await events.until(made["guid"])


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
async def test_silence_is_broken_and_revoked_tokens_end_streams(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_changes, "HEARTBEAT", 0.05)
    admin = world.client()
    token = (await admin.post("/api/v1/users/admin/tokens", json={})).json()["token"]
    number = (await admin.get("/api/v1/users/admin/tokens")).json()["items"][-1]["number"]
    async with stream(world.client(token)) as events:
        await events.next()
        await asyncio.sleep(0.3)
        assert (await admin.delete(f"/api/v1/tokens/{number}")).status_code == 204
        with pytest.raises(EOFError):
            await events.next()
        assert events.comments > 0


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
async def test_streams_end_when_the_server_stops(where: str, tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with serving(tmp_path, where) as server:
            client = await stack.enter_async_context(server.client())
            events = await stack.enter_async_context(stream(client))
            await events.next()
        with pytest.raises(EOFError):
            await events.next()


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
async def test_what_is_no_place_is_refused(world: World) -> None:
    for given in ("nonsense", "1", "1-x", "-1-1", "9" * 30 + "-1"):
        answer = await world.client().get(PATH, headers={"Last-Event-ID": given})
        assert answer.status_code == 400
        assert "Last-Event-ID" in answer.json()["detail"]
    assert (await world.client(None).get(PATH)).status_code == 401


def test_who_does_not_keep_up_is_cut_off() -> None:
    follower = Follower(Cursor())
    change = Change("node", 0, 1, "", "c", "c", "", "", 1, gone=False)
    while follower.tell(change):
        pass
    assert follower.tell(None)
    assert follower.queue.qsize() > 100


async def test_the_order_is_settled_before_it_is_told(where: str) -> None:
    from sqlalchemy import text

    from pilothouse.store.database import open_store

    store = await open_store(where)
    begun, finish = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(connection: Any) -> None:
        _insert(connection, "slow")
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(finish.wait(), loop).result()

    def _insert(connection: Any, name: str) -> None:
        connection.execute(
            text("INSERT INTO nodes (reference, created, registered) VALUES (:name, 0, 0)"), {"name": name}
        )

    task = asyncio.create_task(store.write(slow))
    await begun.wait()
    if where.startswith("postgresql"):
        await store.write(lambda c: _insert(c, "fast"))
    early = await store.read(lambda c: [change.subject for change in changes.after(c, Cursor(), 10)])
    finish.set()
    await task
    late = await store.read(lambda c: [change.subject for change in changes.after(c, Cursor(), 10)])
    await store.close()
    assert early == []  # what is newer than something that still runs is not told yet
    assert late == (["slow", "fast"] if where.startswith("postgresql") else ["slow"])
