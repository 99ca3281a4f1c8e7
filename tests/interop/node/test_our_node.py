"""A whole cycle of our node against an unmodified ``slapos proxy``, and against our own master.

Each test is one master; its stations are format, supply, build, request, instance, promise, usage, stop, destroy,
report, remove.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import originals
from tests.interop.node.test_cycle import USAGE
from tests.interop.server import desks
from tests.nodes import Machine, eventually, machine, runner
from tests.slaposcli import Slapos
from tests.slapproxy import COMPUTER, SlapProxy

from pilothouse.node.layout import md5_of
from pilothouse.slap.client import slap

BUILT = "\n".join(
    (
        runner("exec sleep 1000", "service", "web"),
        runner("test ! -e broken || { echo it is broken; exit 1; }", "promise", "healthy"),
    )
)


@pytest.fixture(params=["original", "ours"])
def master(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Give a master's address and what it calls its computer."""
    if request.param == "original":
        proxy = SlapProxy(originals.slapos(), tmp_path / "proxy").start()
        yield proxy.url, COMPUTER
        proxy.stop()
    else:
        server = desks.proxy(tmp_path / "server").start()
        yield f"{server.url}/", "COMP-1"
        server.clean()


@pytest.fixture
def node(master: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> Iterator[Machine]:
    url, computer = master
    with machine(url, Slapos(capsys)) as made:
        bootstrap = made.root / "bootstrap.py"
        bootstrap.write_text(
            "import os\n"
            "os.makedirs('bin', exist_ok=True)\n"
            "with open('bin/buildout', 'w') as file:\n"
            f"    file.write({program()!r})\n"
            "os.chmod('bin/buildout', 0o755)\n"
        )
        made.cfg.write_text(
            made.cfg.read_text().replace("COMP-1", computer) + f"buildout = {bootstrap}\n"
            "[slapformat]\npartition_amount = 2\ninterface_name = none\nipv4_local_network = 127.21.0.0/24\n"
            f"alter_user = false\nalter_network = false\ncreate_tap = false\ncomputer_xml = {made.root}/slapos.xml\n"
        )
        yield made


def program() -> str:
    """Return a buildout: it makes the instance's profile where a release is built, programs where one is deployed."""
    release = "printf '[buildout]\\n' > instance.cfg"
    return f"#!/bin/sh\nif [ $# -gt 1 ]; then {release}; exit; fi\n{BUILT}\n"


def test_a_whole_cycle(node: Machine, master: tuple[str, str]) -> None:
    url, computer = master
    profile = str(node.root / "software.cfg")
    place = node.instances / "slappart0"
    door = slap()
    door.initializeConnection(url)

    def ask(state: str) -> None:
        door.registerOpenOrder().request(profile, "one", {"a": "b"}, state=state, filter_kw={"computer_guid": computer})

    def state() -> str:
        return str(door.registerComputer(computer).getComputerPartitionList()[0].getState())

    node.apart("format", "--now")
    door.registerSupply().supply(profile, computer)
    assert f"Installing software release {profile} ..." in node.apart("software")
    assert (node.software / md5_of(profile) / ".completed").exists()

    ask("started")
    assert "Requested start of slappart0..." in node.apart("instance")
    eventually(lambda: node.status()["slappart0:web-on-watch"] == "RUNNING")
    pid = node.pids()
    assert "Processing Computer Partition" not in node.apart("instance")
    assert node.pids() == pid
    assert state() == "started"

    node.apart("promise")
    (place / "broken").touch()
    assert "it is broken" in node.apart("promise", code=2)
    assert "it is broken" in node.apart("instance", "--force", code=2)
    (place / "broken").unlink()
    node.apart("instance", "--force")

    reports = node.instances / "var/xml_report" / computer
    reports.mkdir(parents=True)
    (reports / "usage.xml").write_text(USAGE)
    node.apart("report")
    assert list(reports.iterdir()) == []

    ask("stopped")
    node.apart("instance")
    assert "slappart0:web-on-watch" not in node.status()
    ask("destroyed")
    node.apart("report")
    assert list(place.iterdir()) == []
    node.apart("instance")
    assert state() == "destroyed"

    door.registerSupply().supply(profile, computer, "destroyed")
    node.apart("software")
    assert [path for path in node.software.iterdir() if len(path.name) == 32] == []
    assert "Bang with message 'hello'" in node.apart("bang", "-m", "hello")
