"""Many nodes and clients at once, a database that is away, a clock that jumps: what the server answers meanwhile."""

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.servers import PATIENCE, Server, serving
from tests.stores import Databases

from pilothouse.clock import SystemClock
from pilothouse.server.profile import Profile
from pilothouse.services.policy import PROXY
from pilothouse.slap import marshal_reader

SOFTWARE = "http://sr.example/a.cfg"
LOCAL = Profile(login=False, policy=PROXY)
NODES = 200
CLIENTS = 50
TURNS = 2


def client(server: Server) -> httpx.AsyncClient:
    # connections that were idle are opened anew before the server ends them, on a slow machine too
    limits = httpx.Limits(max_connections=60, keepalive_expiry=1)
    return httpx.AsyncClient(base_url=server.url, timeout=PATIENCE, trust_env=False, limits=limits)


async def formatted(http: httpx.AsyncClient, node: str, partitions: int) -> None:
    slots = [{"partition_id": f"p{number}", "ip_list": []} for number in range(partitions)]
    form = {"computer_guid": node, "compute_partition_list": slots}
    assert (await http.post("/slapos.put.v0.compute_node_format", json=form)).status_code == 200


async def requested(http: httpx.AsyncClient, node: str, title: str, **more: str) -> httpx.Response:
    asked = {"title": title, "software_release_uri": SOFTWARE, "software_type": "default",
             "sla_parameters": {"computer_guid": node}, **more}  # fmt: skip
    return await http.post("/slapos.post.v0.software_instance", json=asked)


async def polled(http: httpx.AsyncClient, node: str) -> dict[str, Any]:
    """Return the instances of a node by title, as the node reads them."""
    answer = await http.get("/getFullComputerInformation", params={"computer_id": node})
    assert answer.status_code == 200, answer.text
    document: Any = marshal_reader.loads(answer.content)
    partitions = document.get("_computer_partition_list")
    held = [each for each in partitions if each.get("_requested_state") != "destroyed"]
    return {each.get("_parameter_dict")["instance_title"]: each for each in held}


async def test_two_hundred_nodes_poll_while_fifty_clients_request(tmp_path: Path) -> None:
    async with serving(tmp_path, profile=LOCAL) as server, client(server) as http:
        nodes = [f"n{number}" for number in range(NODES)]
        await asyncio.gather(*(formatted(http, node, 1) for node in nodes))
        ended = asyncio.Event()

        async def node_polls(node: str) -> int:
            turns = 0
            while not ended.is_set():
                answer = await http.get("/getFullComputerInformation", params={"computer_id": node})
                assert answer.status_code == 200, answer.text
                turns += 1
            return turns

        async def client_requests(number: int) -> None:
            for turn in range(TURNS):
                at = nodes[number * TURNS + turn]
                answer = await requested(http, at, f"t-{at}")
                assert answer.status_code == 200, answer.text
                assert answer.json()["computer_guid"] == at

        async with asyncio.TaskGroup() as group:
            polling = [group.create_task(node_polls(node)) for node in nodes]
            await asyncio.gather(*(client_requests(number) for number in range(CLIENTS)))
            ended.set()
        assert all(task.result() for task in polling)
        for node in nodes[: CLIENTS * TURNS]:
            assert list(await polled(http, node)) == [f"t-{node}"]


async def test_a_database_that_is_away_is_said_and_used_again_when_it_is_back(
    tmp_path: Path, databases: Databases
) -> None:
    where = databases.make(tables=True)
    name = where.rsplit("/", 1)[1].partition("?")[0]
    async with serving(tmp_path, where, profile=LOCAL) as server, client(server) as http:
        await formatted(http, "n", 2)
        assert (await requested(http, "n", "before")).status_code == 200
        with databases.connect("postgres") as connection:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        assert (await http.get("/healthz")).status_code == 503
        refused = await requested(http, "n", "during")
        asked = await http.get("/getFullComputerInformation", params={"computer_id": "n"})
        assert {refused.status_code, asked.status_code} == {503}
        with databases.connect("postgres") as connection:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        assert (await http.get("/healthz")).status_code == 200
        for title in ("before", "during"):
            assert (await requested(http, "n", title)).status_code == 200
        assert sorted(await polled(http, "n")) == ["before", "during"]


async def test_a_clock_that_jumps_back_lets_no_node_miss_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offset = 0.0
    monkeypatch.setattr(SystemClock, "time", lambda self: time.time() + offset)
    async with serving(tmp_path, profile=LOCAL) as server, client(server) as http:
        await formatted(http, "n", 1)
        stamps = []
        for state, jump in (("started", 0.0), ("stopped", -7200.0), ("started", 86_400.0), ("stopped", 0.0)):
            offset = jump
            assert (await requested(http, "n", "t", state=state)).status_code == 200
            found = (await polled(http, "n"))["t"]
            assert found.get("_requested_state") == state
            stamps.append(float(found.get("_parameter_dict")["timestamp"]))
    assert stamps == sorted(set(stamps))
