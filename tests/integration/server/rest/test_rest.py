"""REST as people and scripts use it: pages, filters, changes, permissions, one shape of errors."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.server.rest.conftest import World
from tests.masters import URL, formed
from tests.servers import serving

from pilothouse.identity.caller import PartitionKey
from pilothouse.server.master import instances
from pilothouse.server.profile import Profile

API = "/api/v1"


async def got(client: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await client.get(f"{API}{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refused(answer: httpx.Response, status: int, detail: str = "") -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) == {"type", "title", "status", "detail", "path"}
    assert problem["status"] == status
    assert detail in problem["detail"]


async def pages(client: httpx.AsyncClient, path: str, **query: Any) -> list[list[dict[str, Any]]]:
    found: list[list[dict[str, Any]]] = []
    after: str | None = ""
    while after is not None:
        page = await got(client, path, after=after, **query)
        found.append(page["items"])
        after = page["next"]
    return found


async def test_lists_come_page_by_page(world: World) -> None:
    for number in range(2, 8):
        await world.site.format(formed(f"COMP-{number}", 1, net=number))
    admin = world.client()
    found = await pages(admin, "/nodes", limit=3)
    assert [[node["reference"] for node in page] for page in found] == [
        ["COMP-1", "COMP-2", "COMP-3"],
        ["COMP-4", "COMP-5", "COMP-6"],
        ["COMP-7"],
    ]
    assert [node["reference"] for [node] in await pages(admin, "/nodes", search="-5")] == ["COMP-5"]
    await refused(await admin.get(f"{API}/nodes", params={"after": "nonsense"}), 400, "after")
    await refused(await admin.get(f"{API}/nodes", params={"limit": 1000}), 400, "limit")


async def test_a_filter_never_reads_everything(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pilothouse.store.pages.BATCH", 2)
    for number in range(2):
        await world.site.request(f"other{number}", "COMP-1")
    admin = world.client()
    found = await pages(admin, "/instances", title="web")
    assert [[each["title"] for each in page] for page in found] == [["web"], []]
    found = await pages(admin, "/instances", computer="COMP-1", roots=True, state="started", shared=False)
    assert [each["title"] for page in found for each in page] == ["web", "other0", "other1"]


async def test_an_instance_from_request_to_its_end(world: World) -> None:
    admin = world.client()
    asked = {"title": "shop", "software_url": URL, "parameters": {"a": "1"}, "filter": {"computer_guid": "COMP-1"}}
    made = (await admin.post(f"{API}/instances", json=asked)).json()
    again = (await admin.post(f"{API}/instances", json=asked)).json()
    assert (made["guid"], made["partition"], made["parameters"]) == (again["guid"], "slappart1", {"a": "1"})
    place = PartitionKey("COMP-1", "slappart1")
    node = world.site
    await node.write(lambda c, now: instances.publish(c, node.caller, place, {"url": "https://shop/"}, None, now))
    await node.report("COMP-1", "slappart1", "started")
    shown = await got(admin, f"/instances/{made['guid']}")
    assert (shown["reported"], shown["connection"]) == ("started", {"url": "https://shop/"})
    assert await got(admin, f"/instances/{made['guid']}/connection") == {"values": {"url": "https://shop/"}}
    said = await got(admin, f"/instances/{made['guid']}/messages")
    assert said["items"][0]["text"] == "#access Instance correctly started"
    assert await got(admin, f"/trees/{made['guid']}") == {"items": [], "next": None}
    assert (await admin.post(f"{API}/instances/{made['guid']}/bang", json={"message": "look"})).status_code == 204
    stopped = (await admin.patch(f"{API}/instances/{made['guid']}", json={"state": "destroyed"})).json()
    assert (stopped["state"], stopped["parameters"]) == ("destroyed", {"a": "1"})
    await node.report("COMP-1", "slappart1", "destroyed")
    await refused(await admin.get(f"{API}/instances/{made['guid']}"), 404, made["guid"])


async def test_nodes_releases_and_partitions(world: World) -> None:
    admin = world.client()
    made = (await admin.post(f"{API}/nodes", json={"title": "new"})).json()
    path = f"{API}/nodes/{made['reference']}"
    changed = (await admin.patch(path, json={"open": False, "categories": {"region": "eu"}})).json()
    assert (changed["open"], changed["categories"], changed["owner"]) == (False, {"region": "eu"}, "admin")
    assert (await admin.put(f"{path}/releases", json={"url": "http://other/"})).status_code == 204
    [release] = (await admin.get(f"{path}/releases")).json()["items"]
    assert (release["url"], release["state"], release["reported"]) == ("http://other/", "available", "")
    found = await got(admin, "/supplies", url=URL)
    assert [each["computer"] for each in found["items"]] == ["COMP-1"]
    slots = (await got(admin, "/nodes/COMP-1/partitions"))["items"]
    assert [slot["instance"] is None for slot in slots] == [False, True, True]
    assert (await admin.post(f"{API}/nodes/COMP-1/bang", json={})).status_code == 204
    assert "bang called" in (await got(admin, "/nodes/COMP-1/messages"))["items"][0]["text"]
    assert await got(admin, "/nodes/COMP-1/releases/messages", url=URL) == {"items": [], "next": None}
    await refused(await admin.get(f"{API}/nodes/COMP-1/releases/messages", params={"url": "no"}), 404)
    await refused(await admin.get(f"{API}/nodes/COMP-9"), 404, "COMP-9 is not registered.")


async def test_targets_are_of_the_same_inventory(world: World) -> None:
    admin = world.client()
    made = await admin.put(f"{API}/targets/db-1", json={"host": "192.0.2.7", "port": 22, "protocol": "ssh"})
    assert (made.json()["owner"], made.json()["port"]) == ("admin", 22)
    both = await admin.put(f"{API}/targets/COMP-1", json={"host": "192.0.2.8", "title": "other"})
    assert both.json()["title"] == ""
    assert [each["reference"] for each in (await got(admin, "/targets"))["items"]] == ["COMP-1", "db-1"]
    assert [each["reference"] for each in (await got(admin, "/nodes"))["items"]] == ["COMP-1"]
    for reference in ("COMP-1", "db-1"):
        assert (await admin.delete(f"{API}/targets/{reference}")).status_code == 204
        await refused(await admin.get(f"{API}/targets/{reference}"), 404)
    assert (await got(admin, "/nodes/COMP-1"))["busy"] == 1


async def test_users_tokens_and_projects(world: World) -> None:
    admin = world.client()
    assert (await admin.post(f"{API}/projects", json={"name": "shop", "title": "The shop"})).status_code == 201
    asked = {"name": "ann", "roles": ["operator"], "project": "shop"}
    assert (await admin.post(f"{API}/users", json=asked)).json()["roles"] == {"shop": ["operator"]}
    token = (await admin.post(f"{API}/users/ann/tokens", json={"project": "shop", "days": 1})).json()["token"]
    ann = world.client(token)
    me = await got(ann, "/me")
    assert (me["kind"], me["name"], me["project"], me["roles"]) == ("user", "ann", "shop", ["operator"])
    own = (await ann.post(f"{API}/users/ann/tokens", json={"project": "shop", "purpose": "mine"})).json()["token"]
    entries = (await got(ann, "/users/ann/tokens"))["items"]
    assert [entry["purpose"] for entry in entries] == ["", "mine"]
    assert (await ann.delete(f"{API}/tokens/{entries[1]['number']}")).status_code == 204
    await refused(await world.client(own).get(f"{API}/me"), 401, "revoked")
    assert [each["name"] for each in (await got(ann, "/projects"))["items"]] == ["shop"]
    assert [each["name"] for each in (await got(admin, "/users"))["items"]] == ["admin", "ann"]
    await refused(await admin.delete(f"{API}/users/admin"), 409, "the last administrator")
    assert (await admin.delete(f"{API}/users/ann")).status_code == 204
    await refused(await ann.get(f"{API}/me"), 401)
    await refused(await admin.post(f"{API}/users", json={"name": "a b"}), 400, "name")
    await refused(await admin.post(f"{API}/projects", json={"name": "shop"}), 400, "already")


async def test_a_project_is_all_that_its_people_see(world: World) -> None:
    ann = await world.user("ann", "operator", "shop")
    assert (await got(ann, "/nodes"))["items"] == []
    assert (await got(ann, "/instances"))["items"] == []
    assert (await got(ann, "/supplies"))["items"] == []
    assert (await got(ann, "/targets"))["items"] == []
    instance = (await got(world.client(), "/instances"))["items"][0]["guid"]
    for path in ("/nodes/COMP-1", "/nodes/COMP-1/usage", f"/instances/{instance}", f"/instances/{instance}/messages"):
        await refused(await ann.get(f"{API}{path}"), 404)
    await refused(await ann.patch(f"{API}/instances/{instance}", json={"state": "stopped"}), 404)
    await refused(await ann.put(f"{API}/targets/COMP-1", json={"host": "h"}), 403)
    made = (await ann.post(f"{API}/nodes", json={"title": "mine"})).json()
    assert (made["project"], made["owner"]) == ("shop", "ann")
    # an administrator of the site acts in every project
    changed = await world.client().patch(f"{API}/nodes/{made['reference']}", json={"open": False})
    assert changed.json()["open"] is False


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("GET", "/users", None),
        ("POST", "/users", {"name": "eve"}),
        ("DELETE", "/users/admin", None),
        ("GET", "/users/admin", None),
        ("GET", "/users/admin/tokens", None),
        ("POST", "/users/admin/tokens", {}),
        ("DELETE", "/tokens/1", None),
        ("POST", "/projects", {"name": "x"}),
        ("GET", "/certificates", None),
        ("DELETE", "/certificates/7", None),
        ("GET", "/audit", None),
        ("POST", "/audit/verify", None),
        ("POST", "/instances", {"title": "t", "software_url": URL}),
        ("POST", "/nodes", {"title": "n"}),
        ("PATCH", "/nodes/COMP-1", {"open": False}),
        ("POST", "/nodes/COMP-1/bang", {}),
        ("PUT", "/nodes/COMP-1/releases", {"url": URL}),
        ("DELETE", "/nodes/COMP-1/certificate", None),
        ("PUT", "/targets/t", {"host": "h"}),
    ],
)
@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
async def test_who_only_looks_changes_nothing(world: World, verb: str, path: str, body: Any) -> None:
    eve = await world.user("viewer", "viewer")
    await refused(await eve.request(verb, f"{API}{path}", json=body), 403, "viewer may not")
    [entry, *_] = (await got(world.client(), "/audit", caller="user:viewer"))["items"]
    assert entry["action"].startswith("refused: ")


async def test_certificates_and_the_audit_log(world: World) -> None:
    admin = world.client()
    token = (await admin.post(f"{API}/users/admin/tokens", json={"kind": "client"})).json()["token"]
    issued = await world.client(None).post("/Person_getCertificate", headers={"X-Access-Token": token})
    assert issued.status_code == 200
    [held] = (await got(admin, "/certificates", kind="user", name="admin"))["items"]
    assert [each["serial"] for [each] in await pages(admin, "/certificates", limit=1)] == [held["serial"]]
    assert (await admin.delete(f"{API}/certificates/{held['serial']}")).status_code == 204
    await refused(await admin.delete(f"{API}/certificates/{held['serial']}"), 404)
    entries = [each for page in await pages(admin, "/audit", limit=2) for each in page]
    assert [each["row"] for each in entries] == sorted((each["row"] for each in entries), reverse=True)
    assert {"node.format", "token.make", "certificate.revoke"} <= {each["action"] for each in entries}
    [supplied] = (await got(admin, "/audit", subject="COMP-1", limit=1))["items"]
    assert supplied["subject"] == "COMP-1"
    sound = (await admin.post(f"{API}/audit/verify")).json()
    assert sound["rows"] == len(entries)


async def test_usage_is_reported_by_slap_and_read_by_rest(world: World) -> None:
    from tests.integration.server.master.test_usage import Move, journal

    admin = world.client()
    text = journal([Move("slappart0", quantity=4)])
    form = {"computer_id": "COMP-1", "use_string": text}
    for _ in range(2):
        assert (await admin.post("/useComputer", data=form)).status_code == 200
    broken = await admin.post("/useComputer", data={**form, "use_string": text.replace("<price>", "<prize>")})
    assert broken.status_code == 400
    assert "line 1" in broken.text
    asked = {"computer_guid": "COMP-1", "tioxml": text}
    assert (await admin.post("/slapos.post.v0.compute_node_usage", json=asked)).json()["title"] == "Ignored"
    unfit = await admin.post("/slapos.post.v0.compute_node_usage", json={**asked, "tioxml": "<a/>"})
    assert (unfit.status_code, "line 1" in unfit.json()["title"]) == (400, True)
    made = await got(admin, "/usage/statement", month="2023-11", computer="COMP-1")
    assert [(line["quantity"], line["amount"]) for line in made["lines"]] == [("4", "2.00")]
    csv = await admin.get(f"{API}/usage/statement.csv", params={"month": "2023-11"})
    assert csv.headers["content-type"] == "text/csv; charset=utf-8"
    assert csv.text.splitlines()[1].startswith("2023-11,")
    page = await admin.get(f"{API}/usage/statement.html", params={"month": "2023-11"})
    assert "<h1>Usage 2023-11</h1>" in page.text
    [report] = (await got(admin, "/nodes/COMP-1/usage"))["items"]
    assert (await admin.get(f"{API}/usage/reports/{report['id']}")).text == text
    await refused(await admin.get(f"{API}/usage/reports/999"), 404)
    await refused(await admin.get(f"{API}/usage/statement", params={"month": "2023-13"}), 400, "such as")
    await refused(
        await admin.get(f"{API}/usage/statement", params={"month": "2023-11", "user": "a", "computer": "b"}), 400
    )


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
async def test_every_error_has_one_shape(world: World) -> None:
    admin, nobody = world.client(), world.client(None)
    await refused(await nobody.get(f"{API}/nodes"), 401, "log in")
    assert (await nobody.get(f"{API}/openapi.json")).status_code == 200
    await refused(await nobody.get(f"{API}/openapi.json/"), 401)
    await refused(await admin.get(f"{API}/nothing"), 404)
    await refused(await admin.get(f"{API}/openapi.json/x"), 404)
    await refused(await admin.delete(f"{API}/nodes"), 405)
    await refused(await admin.get(f"{API}/nodes/a%00b"), 400, "NUL")
    await refused(await admin.get(f"{API}/nodes", params={"search": "a\0b"}), 400, "NUL")
    await refused(await admin.post(f"{API}/nodes", content=b"{"), 400)
    await refused(await admin.post(f"{API}/nodes", json={"title": "a\0b"}), 400, "title")
    await refused(await admin.post(f"{API}/nodes", json={"title": "a", "more": 1}), 400, "more")
    for _ in range(10):
        await refused(await world.client("pha_wrong").get(f"{API}/me"), 401)
    late = await world.client("pha_wrong").get(f"{API}/me")
    await refused(late, 429)
    assert int(late.headers["retry-after"]) > 0


async def test_bodies_have_an_end(tmp_path: Path) -> None:
    large = {"title": "t", "software_url": URL, "parameters": {"a": "x" * 10_000}}
    async with (
        serving(tmp_path, profile=Profile(login=False), request_limit=10_000) as server,
        server.client(None) as client,
    ):
        await refused(await client.post(f"{API}/instances", json=large), 413)
