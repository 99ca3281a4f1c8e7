"""Two masters: the first forwards what it is told to (slapos-master 6.10, group M of 13)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from tests.servers import Server, serving
from tests.sshd import free_port

from pilothouse.server.profile import Profile
from pilothouse.services.forwarding import OtherMaster
from pilothouse.services.policy import PROXY
from pilothouse.slap import marshal_writer
from pilothouse.slap.client import NotFoundError, ServerError, slap

HERE, THERE, AS_PARTITION, DEAD = (f"http://sr.example/{name}.cfg" for name in ("here", "there", "part", "dead"))


def proxy(*masters: OtherMaster) -> Profile:
    return Profile(login=False, policy=msgspec.structs.replace(PROXY, default_computer="node"), masters=masters)


async def called(server: Server, work: Callable[[slap], Any]) -> Any:
    """Return what ``work`` does with the library, in a thread of its own whose connections are closed after it."""

    def run() -> Any:
        made = slap()
        made.initializeConnection(server.url, slapgrid_rest_uri=f"{server.url}/hateoas")
        try:
            return work(made)
        finally:
            assert made._connection_helper is not None
            made._connection_helper.close()

    return await asyncio.to_thread(run)


async def request(server: Server, software: str, title: str, **more: Any) -> Any:
    """Request as a person does."""
    return await called(server, lambda made: made.registerOpenOrder().request(software, title, **more))


async def request_from(server: Server, partition: str, software: str, title: str) -> Any:
    """Request as the instance in a partition does."""
    return await called(
        server,
        lambda made: made.registerComputerPartition("node", partition).request(software, "default", title),
    )


async def partitions(server: Server) -> dict[str, Any]:
    """Return the partitions that are not free, by title."""
    found = await called(server, lambda made: made.registerComputer("node").getComputerPartitionList())
    return {each._parameter_dict["instance_title"]: each for each in found if hasattr(each, "_parameter_dict")}


async def formatted(server: Server, names: list[str]) -> None:
    document = {
        "reference": "node",
        "address": "10.0.0.1",
        "netmask": "255.0.0.0",
        "partition_list": [
            {"reference": name, "address_list": [{"addr": "10.0.0.2", "netmask": "255.0.0.0"}], "tap": {"name": "tap"}}
            for name in names
        ],
    }
    text = marshal_writer.dumps(document).decode()
    await called(server, lambda made: made.registerComputer("node").updateConfiguration(text))


class Two:
    """Two masters; the first knows the second as itself, and as its partition."""

    def __init__(self, first: Server, second: Server) -> None:
        self.first = first
        self.second = second


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    async with contextlib.AsyncExitStack() as stack:
        second = await stack.enter_async_context(serving(tmp_path / "second", profile=proxy()))
        masters = (
            OtherMaster(url=second.url, software=(THERE,)),
            # another text for the same server
            OtherMaster(url=f"{second.url}/", software=(AS_PARTITION,), computer="node", partition="far0"),
            OtherMaster(url=f"http://127.0.0.1:{free_port()}/", software=(DEAD,)),
        )
        first = await stack.enter_async_context(serving(tmp_path / "first", profile=proxy(*masters)))
        await formatted(first, ["near0", "near1"])
        await formatted(second, [f"far{number}" for number in range(4)])
        yield Two(first, second)


async def test_m01_m05_m06_a_listed_release_is_requested_there(two: Two) -> None:
    found = await request(two.first, THERE, "t", partition_parameter_kw={"a": "1"})
    assert (found.getId(), found.slap_computer_id, found._master_url) == ("far0", "node", two.second.url)
    remote = (await partitions(two.second))["user_t"]
    assert remote.getInstanceParameterDict()["a"] == "1"
    assert remote.getSoftwareRelease().getURI() == THERE
    assert await partitions(two.first) == {}

    await called(
        two.second,
        lambda made: made.registerComputerPartition("node", "far0").setConnectionDict({"url": "http://far"}),
    )
    again = await request(two.first, THERE, "t", partition_parameter_kw={"a": "1"})
    assert again.getConnectionParameterDict() == {"url": "http://far"}

    gone = await request(two.first, THERE, "t", state="destroyed")
    assert gone.getId() == "far0"
    known = (await partitions(two.second))["user_t"]
    assert (known._requested_state, known.getSoftwareRelease().getURI()) == ("destroyed", THERE)


async def test_m03_the_filter_names_the_master(two: Two) -> None:
    found = await request(two.first, HERE, "t", filter_kw={"master_url": two.second.url})
    assert found._master_url == two.second.url
    assert list(await partitions(two.second)) == ["user_t"]


async def test_m04_the_requesting_partition_is_in_the_title(two: Two) -> None:
    for title in ("one", "two"):
        await request(two.first, HERE, title)
    found = [await request_from(two.first, name, THERE, "t") for name in ("near0", "near1")]
    assert {each.getId() for each in found} == {"far0", "far1"}
    assert sorted(await partitions(two.second)) == ["near0_t", "near1_t"]


async def test_m08_as_a_partition_of_the_other_master(two: Two) -> None:
    await request(two.second, HERE, "root")
    await request(two.first, AS_PARTITION, "t")
    child = (await partitions(two.second))["user_t"]
    assert child.getInstanceParameterDict()["root_instance_title"] == "root"


async def test_what_is_here_already_stays_here(two: Two) -> None:
    await request(two.first, HERE, "t")
    moved = await request(two.first, THERE, "t")
    assert moved.getId() == "near0"
    assert await partitions(two.second) == {}


async def test_w19_w20_this_master_by_name_and_a_master_that_is_not_listed(two: Two) -> None:
    found = await request(two.first, HERE, "t", filter_kw={"master_url": two.first.url})
    other_name = two.first.url.replace("127.0.0.1", "localhost")
    same = await request(two.first, HERE, "t2", filter_kw={"master_url": other_name})
    assert (found.getId(), same.getId()) == ("near0", "near1")
    with pytest.raises(NotFoundError):
        await request(two.first, HERE, "t3", filter_kw={"master_url": "http://127.0.0.1:1/"})
    assert sorted(await partitions(two.first)) == ["t", "t2"]


async def test_a_dead_master_is_523_and_a_refusing_one_404(two: Two) -> None:  # X28
    with pytest.raises(ServerError, match="523"):
        await request(two.first, DEAD, "t")
    for number in range(4):
        await request(two.first, THERE, f"t{number}")
    with pytest.raises(NotFoundError):
        await request(two.first, THERE, "one too many")


async def test_json_rpc_forwards_as_well(two: Two) -> None:
    async with httpx.AsyncClient(base_url=two.first.url, trust_env=False) as client:
        asked = {"title": "t", "software_release_uri": THERE, "software_type": "default", "parameters": {"a": "1"}}
        answer = await client.post("/slapos.post.v0.software_instance", json=asked)
        dead = await client.post("/slapos.post.v0.software_instance", json={**asked, "software_release_uri": DEAD})
    found = answer.json()
    assert (answer.status_code, found["compute_partition_id"], found["processing_timestamp"]) == (200, "far0", 0)
    assert dead.status_code == 523
