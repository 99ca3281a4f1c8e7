"""A real zc.buildout builds a release and an instance, as an ordinary user, against our own master."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.nodes import Machine, eventually, machine
from tests.slapmaster import Master
from tests.slaposcli import Slapos

from pilothouse.node.layout import md5_of
from pilothouse.slap import marshal_writer
from pilothouse.slap.client import slap

INSTANCE = """\
[buildout]
parts =
"""


@pytest.fixture
def master(tmp_path: Path) -> Iterator[Master]:
    made = Master(tmp_path).start()
    yield made
    made.stop()


@pytest.fixture
def node(master: Master, capsys: pytest.CaptureFixture[str]) -> Iterator[Machine]:
    with machine(master.url, Slapos(capsys)) as made:
        yield made


def test_a_release_is_built_and_an_instance_of_it_is_deployed(node: Machine, master: Master) -> None:
    profile = node.root / "software.cfg"
    profile.write_text("[buildout]\nparts =\noffline = true\n")
    place = node.partition()
    door = slap()
    door.initializeConnection(master.url)
    master.post("loadComputerConfigurationFromXML", xml=description(place))
    door.registerSupply().supply(str(profile), "COMP-1")
    partition = door.registerOpenOrder().request(str(profile), "one", {}, filter_kw={"computer_guid": "COMP-1"})
    assert partition.getId() == "slappart0"

    said = node.apart("software")
    release = node.software / md5_of(str(profile))
    assert (release / ".completed").exists(), said
    assert (release / "bin/buildout").exists()
    (release / "instance.cfg").write_text(INSTANCE)
    said = node.apart("instance")
    assert (place / ".installed.cfg").exists() or (place / "sbin").is_dir(), said
    eventually((place / ".timestamp").exists)


def description(place: Path) -> str:
    partition = {
        "reference": place.name,
        "path": str(place),
        "address_list": [{"addr": "127.0.0.2", "netmask": "255.255.255.255"}],
        "tap": {"name": "slaptap0"},
    }
    computer = {"reference": "COMP-1", "address": None, "netmask": None, "partition_list": [partition]}
    return marshal_writer.dumps(computer).decode()
