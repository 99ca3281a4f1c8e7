"""``pilothouse service why`` on a node."""

import json
import os

import pytest
from tests.integration.node.test_promise_pass import promise
from tests.nodes import Machine, Script

from pilothouse.cli.main import main


def test_why(node: Machine, master: Script, capsys: pytest.CaptureFixture[str]) -> None:
    def why(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main(["service", "why", "slappart0", "--cfg", str(node.cfg), *words])
        return code, capsys.readouterr().out

    place = promise(node, "slappart0")
    (place / "buildout.cfg").touch()
    os.utime(place / "buildout.cfg", (1_700_000_000, 1_700_000_000))
    master.partition("slappart0", "started")
    again = f"slapos node promise --only-cp slappart0 --cfg {node.cfg}"
    assert why() == (0, f"slappart0\n1 of 1 promises have not been checked yet\nnext: {again}\n")
    node.run("promise")
    assert why() == (0, "slappart0 is well: 1 promise, and it does not fail\n")
    promise(node, "slappart0", "echo 'disk full | free=3MB'; exit 2")
    for _ in range(2):
        node.run("promise", code=2)
    (place / ".slapgrid-slappart0-error.log").write_text("no buildout")
    code, text = why()
    assert code == 4
    force = f"slapos node instance --only-cp slappart0 --force --cfg {node.cfg}"
    for part in ("promise p fails: disk full", ", 2 times", "the instance's profile was written", "free = 3MB",
                 " - ERROR - ", "no buildout", f"next: {force}"):  # fmt: skip
        assert part in text
    code, text = why("--json")
    document = json.loads(text)
    (failing,) = document["failing"]
    story = failing["story"]
    assert story["failures"] == 2
    assert story["fine"] <= story["since"]
    assert failing["numbers"][0]["label"] == "free"
    assert {"at", "what"} == set(failing["changes"][0])
    assert main(["service", "why", "../x", "--cfg", str(node.cfg)]) == 2


def test_an_instance_is_known_by_its_title_too(
    node: Machine, master: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    node.release()
    for name, title in (("slappart0", "web"), ("slappart1", "db"), ("slappart2", "db")):
        promise(node, name)
        master.partition(name, "started", timestamp="1", instance_title=title)
    node.instance()
    master.answer("getFullComputerInformation", 503)

    def why(name: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main(["service", "why", name, "--cfg", str(node.cfg)])
        return code, "".join(capsys.readouterr())

    assert why("web") == why("slappart0") == why("SOFTINST-slappart0")
    assert why("web")[0] == 0
    assert "name one of their partitions: slappart1, slappart2" in why("db")[1]
    assert why("nothing") == (2, why("nothing")[1])
    (node.instances / "var" / "run" / "instances.json").write_text("{")
    assert "no instance that this node has processed" in why("web")[1]
