"""What the original's master holds is ours after the first start on its database."""

import asyncio
from pathlib import Path
from typing import Any

from tests.servers import serving
from tests.slapproxy import SlapProxy

from pilothouse.server.profile import Profile
from pilothouse.slap import marshal_writer
from pilothouse.slap.client import slap

NODE, SOFTWARE = "inherited-node", "http://sr.example/inherited.cfg"


def connected(url: str) -> slap:
    made = slap()
    made.initializeConnection(url, slapgrid_rest_uri=f"{url.rstrip('/')}/hateoas")
    return made


def fill(url: str) -> None:
    """Have a node with a root, its child, and a shared instance of the child."""
    library = connected(url)
    partitions = [
        {"reference": f"inh{number}", "address_list": [{"addr": f"10.0.9.{number}", "netmask": "255.0.0.0"}],
         "tap": {"name": "tap9"}}
        for number in range(3)
    ]  # fmt: skip
    form = {"reference": NODE, "address": "10.0.9.9", "netmask": "255.0.0.0", "partition_list": partitions}
    node = library.registerComputer(NODE)
    node.updateConfiguration(marshal_writer.dumps(form).decode())
    library.registerSupply().supply(SOFTWARE, NODE)
    here = {"computer_guid": NODE}
    root = library.registerOpenOrder().request(SOFTWARE, "inh-root", {"ä": "<&>"}, filter_kw=here)
    child = root.request(SOFTWARE, "default", "inh-child", filter_kw=here, state="stopped")
    child.setConnectionDict({"url": "http://child"})
    shared = {"computer_guid": NODE, "instance_guid": f"{NODE}-{child.getId()}"}
    root.request(SOFTWARE, "default", "inh-shared", True, {"domain": "d"}, shared)
    library._connection_helper.close()  # type: ignore[union-attr]


def seen(url: str) -> list[dict[str, Any]]:
    """Return what a node would be told of its partitions."""
    library = connected(url)
    node = library.registerComputer(NODE)
    found = []
    for partition in node.getComputerPartitionList():
        told = dict(vars(partition).get("_parameter_dict") or {})
        told["slave_instance_list"] = [
            {key: entry[key] for key in ("slave_reference", "slap_software_type", "domain")}
            for entry in told.get("slave_instance_list", ())
        ]
        told["state"] = vars(partition)["_requested_state"]
        told["connection"] = vars(partition).get("_connection_dict") or {}
        found.append(told)
    found.append({"software": [release.getURI() for release in node.getSoftwareReleaseList()]})
    library._connection_helper.close()  # type: ignore[union-attr]
    return found


async def test_a_node_is_told_the_same_before_and_after(proxy: SlapProxy, tmp_path: Path) -> None:
    await asyncio.to_thread(fill, proxy.url)
    before = await asyncio.to_thread(seen, proxy.url)
    profile = Profile(login=False, original=proxy.log.parent / "proxy.db")
    async with serving(tmp_path, profile=profile) as server:
        after = await asyncio.to_thread(seen, server.url)
    assert [told.get("instance_title") for told in before] == ["inh-root", "inh-child", None, None]
    assert before[1]["slave_instance_list"] != []
    assert after == before
