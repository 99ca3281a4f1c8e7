"""Several servers on one database, and who may speak for whom, over the SLAP dialects."""

import asyncio
import contextlib
import time
from pathlib import Path

import httpx
from sqlalchemy import Connection
from tests.servers import Server, serving
from tests.stores import Databases

from pilothouse.identity.authority import Issued
from pilothouse.identity.caller import LOCAL
from pilothouse.jobs.secret import Secret
from pilothouse.server import administration, enrolment
from pilothouse.slap import marshal_reader
from pilothouse.store import history

SOFTWARE = "http://sr.example/a.cfg"


async def format_node(client: httpx.AsyncClient, computer: str, count: int) -> httpx.Response:
    partitions = [{"partition_id": f"slappart{number}", "ip_list": []} for number in range(count)]
    form = {"computer_guid": computer, "compute_partition_list": partitions}
    return await client.post("/slapos.put.v0.compute_node_format", json=form)


async def supply(client: httpx.AsyncClient, computer: str) -> None:
    asked = {"computer_guid": computer, "software_release_uri": SOFTWARE}
    assert (await client.post("/slapos.post.v0.software_installation", json=asked)).status_code == 200


async def request(client: httpx.AsyncClient, title: str) -> httpx.Response:
    asked = {"title": title, "software_release_uri": SOFTWARE, "software_type": "default"}
    return await client.post("/slapos.post.v0.software_instance", json=asked)


async def test_servers_side_by_side_on_postgresql_share_nobodys_partition(tmp_path: Path, databases: Databases) -> None:
    where = databases.make(tables=False)
    async with contextlib.AsyncExitStack() as stack:
        # started at the same moment: the tables, the authority and the administrator are made once
        starts = [stack.enter_async_context(serving(tmp_path, where)) for _ in range(2)]
        servers: list[Server] = await asyncio.gather(*starts)
        (token,) = [server.token for server in servers if server.token]
        clients = [await stack.enter_async_context(server.client(token)) for server in servers]
        await format_node(clients[0], "COMP-X", 60)
        await supply(clients[0], "COMP-X")
        answers = await asyncio.gather(*(request(clients[number % 2], f"t{number % 50}") for number in range(100)))
        assert {answer.status_code for answer in answers} == {200}
        places = {(answer.json()["title"], answer.json()["compute_partition_id"]) for answer in answers}
        assert len(places) == len({place for _, place in places}) == 50


async def registered(server: Server, title: str) -> tuple[str, Issued]:
    """Register a node as ``node register`` does."""

    def make(connection: Connection) -> str:
        return administration.new_token(connection, LOCAL, "admin", "node", "", title, None, time.time()).reveal()

    token = await server.write(make)
    async with server.client(None) as client:
        form, headers = {"title": title}, {"X-Access-Token": token}
        answer = await client.post("/Person_requestComputer", data=form, headers=headers)
        reused = await client.post("/Person_requestComputer", data=form, headers=headers)
    assert (answer.status_code, reused.status_code) == (200, 403)
    certificate, key = answer.json()["certificate"], answer.json()["key"]
    start = certificate.index("COMP-")
    return certificate[start : certificate.index("/email", start)], Issued(certificate, Secret(key), title, "", 0.0)


async def test_a_node_speaks_for_itself_only_and_the_audit_log_keeps_the_rest(tmp_path: Path, where: str) -> None:
    async with serving(tmp_path, where, tls_listen="127.0.0.1:0") as server:
        first, first_pair = await registered(server, "one")
        second, second_pair = await registered(server, "two")
        assert (first.startswith("COMP-"), first == second) == (True, False)
        async with server.client(None, first_pair) as one, server.client(None, second_pair) as two:
            assert (await format_node(one, first, 1)).json()["title"] == "Formatted"
            assert (await format_node(two, second, 1)).json()["title"] == "Formatted"
            assert (await format_node(two, first, 0)).status_code == 403
            ids = {"computer_id": first, "computer_partition_id": "slappart0"}
            assert (await two.post("/startedComputerPartition", data=ids)).status_code == 403
            assert (await two.get("/getFullComputerInformation", params={"computer_id": first})).status_code == 403
            assert (await one.get("/getFullComputerInformation", params={"computer_id": first})).status_code == 200
        kept = await server.write(lambda connection: history.newest(connection, 100))
        refused = [(entry.caller, entry.subject) for entry in kept if entry.action.startswith("refused: ")]
        assert len([each for each in refused if each == (second, first)]) >= 2

        await server.write(lambda connection: enrolment.revoke(connection, LOCAL, "node", first, time.time()))
        async with server.client(None, first_pair) as one:
            assert (await one.get("/getFullComputerInformation", params={"computer_id": first})).status_code == 401


async def test_an_instance_gets_the_same_certificate_each_time_and_speaks_with_it(tmp_path: Path) -> None:
    async with serving(tmp_path, tls_listen="127.0.0.1:0") as server:
        computer, pair = await registered(server, "one")
        async with server.client() as admin, server.client(None, pair) as node:
            await format_node(node, computer, 2)
            await supply(admin, computer)
            assert (await request(admin, "t")).status_code == 200
            place = {"computer_id": computer, "computer_partition_id": "slappart0"}
            first = await node.get("/getComputerPartitionCertificate", params=place)
            again = await node.get("/getComputerPartitionCertificate", params=place)
            free = await node.get(
                "/getComputerPartitionCertificate", params={**place, "computer_partition_id": "slappart1"}
            )
        assert (first.status_code, first.content == again.content, free.status_code) == (200, True, 404)
        found = marshal_reader.loads(first.content)
        assert isinstance(found, dict)
        own = Issued(str(found["certificate"]), Secret(str(found["key"])), "own", "", 0.0)
        async with server.client(None, own) as instance:
            child = await instance.post(
                "/slapos.post.v0.software_instance",
                json={"title": "child", "software_release_uri": SOFTWARE, "software_type": "default"},
                headers={"Authorization": f"X-SlapPartition computer_id={computer}, computer_partition_id=slappart0"},
            )
            other = await instance.post(
                "/startedComputerPartition", data={"computer_id": computer, "computer_partition_id": "slappart1"}
            )
        assert (child.status_code, child.json()["root_instance_title"], other.status_code) == (200, "t", 403)
