"""Our node's daemon against an unmodified ``slapos proxy``."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import originals
from tests.nodedaemon import daemon
from tests.nodes import Machine, eventually, machine, runner
from tests.slaposcli import Slapos
from tests.slapproxy import COMPUTER, SlapProxy

from pilothouse.slap.client import slap

URL = "http://release.example/software.cfg"


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlapProxy]:
    made = SlapProxy(originals.slapos(), tmp_path_factory.mktemp("proxy")).start()
    yield made
    made.stop()


@pytest.fixture
def node(proxy: SlapProxy, capsys: pytest.CaptureFixture[str]) -> Iterator[Machine]:
    with machine(proxy.url, Slapos(capsys)) as made:
        made.cfg.write_text(
            made.cfg.read_text().replace("COMP-1", COMPUTER)
            + "[slapformat]\npartition_amount = 2\ninterface_name = none\nipv4_local_network = 127.21.0.0/24\n"
            f"alter_user = false\nalter_network = false\ncreate_tap = false\ncomputer_xml = {made.root}/slapos.xml\n"
        )
        yield made


def deployed(node: Machine) -> Path:
    node.run("format", "--now")
    for place in node.instances.glob("slappart*"):
        node.give(place)
    node.release(runner("exec sleep 1000", "service", "web"))
    return node.instances / "slappart0"


def test_the_daemon_keeps_a_node_of_the_original_master(node: Machine, proxy: SlapProxy) -> None:
    """It has no stream of changes: it is asked at intervals, also after it was away."""
    place = deployed(node)
    node.cfg.write_text(node.cfg.read_text() + "[node-run]\ninstance = 1\nsoftware = 1\nreport = 1\nformat = 0\n")
    door = slap()
    door.initializeConnection(proxy.url)
    door.registerSupply().supply(URL, COMPUTER)

    def ask(state: str) -> None:
        door.registerOpenOrder().request(URL, "kept", {"a": "b"}, state=state)

    with daemon(node) as kept:
        eventually(lambda: kept.shown().stream.state == "absent", kept.text)
        ask("started")
        eventually((place / ".timestamp").exists, kept.text)
        eventually(lambda: node.pids().get("slappart0:web-on-watch"), kept.text)
        pid = node.pids()["slappart0:web-on-watch"]

        proxy.stop()
        last = kept.last("instance")
        while last.code != 3:
            last = kept.last("instance", after=last)
        assert node.pids()["slappart0:web-on-watch"] == pid
        proxy.start()
        door = slap()
        door.initializeConnection(proxy.url)
        ask("destroyed")
        eventually(lambda: list(place.iterdir()) == [], kept.text)
