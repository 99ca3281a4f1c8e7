"""Masters that are away, or lie: nothing that runs is touched. (Slow ones: tests/integration/slap/test_wire.py.)"""

from pathlib import Path

import pytest
from tests.nodes import Machine, Script, runner
from tests.sshd import free_port

from pilothouse.slap import marshal_writer
from pilothouse.slap.documents import ComputerDocument, ComputerPartitionDocument

FULL = "/getFullComputerInformation"


@pytest.fixture
def place(node: Machine, master: Script) -> Path:
    """A partition that is up to date and runs."""
    node.release(runner("exec sleep 1000"))
    folder = node.partition()
    master.partition("slappart0", "started", timestamp="1")
    node.instance()
    return folder


def computer(**more: object) -> bytes:
    return marshal_writer.dumps(ComputerDocument(("COMP-1",), {"_computer_id": "COMP-1", **more}))


PARTITION = ComputerPartitionDocument(("COMP-1", "slappart0"), {"_requested_state": "destroyed"})
WRONG = {
    "error": (500, b""),
    "forbidden": (403, b"no"),
    "gateway": (502, b"<html>Bad Gateway</html>"),
    "page": (200, b"<html>please log in</html>"),
    "empty": (200, b""),
    "cut": (200, computer(_computer_partition_list=[], _software_release_list=[])[:-30]),
    "entities": (200, b'<!DOCTYPE x [<!ENTITY a "aaaa">]><marshal><string>&a;</string></marshal>'),
    "text": (200, marshal_writer.dumps("hello")),
    "number": (200, marshal_writer.dumps(42)),
    "list": (200, marshal_writer.dumps([1, 2])),
    "none": (200, marshal_writer.dumps(None)),
    "partition": (200, marshal_writer.dumps(PARTITION)),
    "lists that are none": (200, computer(_computer_partition_list=7, _software_release_list="x")),
    "partitions that are none": (200, computer(_computer_partition_list=["slappart0"], _software_release_list=[5])),
}


@pytest.mark.parametrize("lie", WRONG)
def test_a_master_that_lies_touches_nothing(node: Machine, master: Script, place: Path, lie: str) -> None:
    status, body = WRONG[lie]
    pids = node.pids()
    master._web.answers[FULL] = master._web.answers[FULL]._replace(status=status, body=body)
    codes = {word: node.slapos("node", word, "--cfg", str(node.cfg), code=None) for word in ("instance", "report")}
    assert {done.code for done in codes.values()} <= {0, 1, 3}
    assert codes["instance"].code, codes["instance"].err
    assert "Traceback" not in codes["instance"].err
    assert node.pids() == pids
    assert (place / ".timestamp").read_text() == "1"
    assert (place / "etc" / "run" / "wrapper").exists()


@pytest.mark.parametrize("name", ["../../etc", "slappart0/..", "", ".", "a\nb", "slappart0 "])
def test_names_of_partitions_lead_nowhere(node: Machine, master: Script, place: Path, name: str) -> None:
    pids = node.pids()
    master.partition(name, "destroyed", timestamp="9")
    before = {path for path in node.root.rglob("*") if "var" not in path.parts}
    node.slapos("node", "report", "--cfg", str(node.cfg), code=None)
    node.slapos("node", "instance", "--cfg", str(node.cfg), code=None)
    assert node.pids() == pids
    assert {path for path in node.root.rglob("*") if "var" not in path.parts} == before


def test_a_master_that_is_not_there(node: Machine, place: Path) -> None:
    pids = node.pids()
    words = ("--master-url", f"http://127.0.0.1:{free_port()}/")
    for word, code in (("instance", 3), ("software", 1), ("report", 1), ("promise", 1)):
        assert "Couldn't connect to the server" in node.run(word, *words, code=code).err
    assert node.pids() == pids
