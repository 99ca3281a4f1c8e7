"""Group M with an original as the other master: ours forwards to it, and it forwards to ours."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.interop.server import desks
from tests.interop.slap.world import SR, Node, World
from tests.originals import Original
from tests.slapproxy import COMPUTER, SlapProxy
from tests.sshd import free_port

from pilothouse.slap import client
from pilothouse.slap.marshal_writer import dumps

THERE, AS_PARTITION, DEAD = (f"http://sr.example/{name}.cfg" for name in ("there", "part", "dead"))


class Two(NamedTuple):
    """``near`` forwards to ``far``, whose default computer is ``there``."""

    near: World
    far: World
    there: Node


def sections(far: str, computer: str) -> list[str]:
    """Return what a master's configuration says of the other one, and of one that is dead."""
    return [
        f"[multimaster/{far}]", f"software_release_list = {THERE}",
        # another text for the same server
        f"[multimaster/{far.rstrip('/')}]", f"software_release_list = {AS_PARTITION}",
        f"computer = {computer}", "partition = far0",
        f"[multimaster/http://127.0.0.1:{free_port()}/]", f"software_release_list = {DEAD}",
    ]  # fmt: skip


def two_of(near: str, far: str, computer: str) -> Two:
    one, other = (World(client, dumps, client.HTTPError, url, f"{url}hateoas") for url in (near, far))
    there = Node(other, computer, [f"far{number}" for number in range(4)])
    there.format()
    return Two(one, other, there)


@pytest.fixture(params=["ours forwards", "the original forwards"])
def two(request: pytest.FixtureRequest, original: Original, tmp_path: Path) -> Iterator[Two]:
    ours = desks.proxy(tmp_path / "ours")
    with contextlib.ExitStack() as ended:
        ended.callback(ours.clean)
        if request.param == "ours forwards":
            theirs = SlapProxy(original, tmp_path / "theirs").start()
            ended.callback(theirs.stop)
            with (tmp_path / "ours" / "slapos-proxy.cfg").open("a") as file:
                file.write("\n".join(sections(theirs.url, COMPUTER)) + "\n")
            ours.start()
            yield two_of(f"{ours.url}/", theirs.url, COMPUTER)
        else:
            far = f"{ours.start().url}/"
            theirs = SlapProxy(original, tmp_path / "theirs", sections=sections(far, "COMP-1")).start()
            ended.callback(theirs.stop)
            yield two_of(theirs.url, far, "COMP-1")


def occupied(two: Two) -> dict[str, Any]:
    """Return what the other master holds, by title."""
    found = [each for each in two.there.listed() if each.getState() != "destroyed"]
    return {each.getInstanceParameterDict()["instance_title"]: each for each in found}


def test_requests_go_to_the_other_master_and_its_answers_come_back(two: Two) -> None:
    """Checks M01, M04, M05, M06, M08."""
    here = two.near.node(2)
    found = two.near.order.request(THERE, "t", {"a": "1"})
    assert (found.slap_computer_id, found.getId(), found._master_url) == (two.there.id, "far0", two.far.url)
    remote = occupied(two)["user_t"]
    assert remote.getInstanceParameterDict()["a"] == "1"
    assert remote.getSoftwareRelease().getURI() == THERE
    assert here.states() == ["destroyed", "destroyed"]

    remote.setConnectionDict({"url": "http://far"})
    again = two.near.order.request(THERE, "t", {"a": "1"})
    assert again._connection_dict == {"url": "http://far"}

    members = [here.request(), here.request()]
    places = [member.request(THERE, "default", "t").getId() for member in members]
    assert len({*places, "far0"}) == 3
    assert occupied(two).keys() == {"user_t", *(f"{member.getId()}_t" for member in members)}

    child = two.near.order.request(AS_PARTITION, "child")
    assert child.getId() not in {*places, "far0"}
    assert occupied(two)["user_child"].getInstanceParameterDict()["root_instance_title"] == "user_t"

    gone = two.near.order.request(THERE, "t", state="destroyed")
    assert gone.getId() == "far0"
    assert "user_t" not in occupied(two)


def test_the_filter_names_the_master_and_others_are_refused(two: Two) -> None:
    """Checks M03, W20, and a master that does not answer."""
    found = two.near.order.request(SR, "t", filter_kw={"master_url": two.far.url})
    assert found._master_url == two.far.url
    assert list(occupied(two)) == ["user_t"]
    elsewhere = {"master_url": "http://127.0.0.1:1/"}
    two.near.refused(client.NotFoundError, two.near.order.request, SR, "u", filter_kw=elsewhere)
    assert "523" in str(two.near.refused(client.ServerError, two.near.order.request, DEAD, "t"))
