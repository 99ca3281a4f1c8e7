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
    assert why() == (
        0, "slappart0\n1 of 1 promises have not been checked yet\nnext: slapos node promise --only-cp slappart0\n"
    )  # fmt: skip
    node.run("promise")
    assert why() == (0, "slappart0 is well: 1 promises, none of them fails\n")
    promise(node, "slappart0", "echo 'disk full | free=3MB'; exit 2")
    for _ in range(2):
        node.run("promise", code=2)
    (place / ".slapgrid-slappart0-error.log").write_text("no buildout")
    code, text = why()
    assert code == 4
    for part in ("promise p fails: disk full", ", 2 times", "the instance's profile was written", "free = 3MB",
                 " - ERROR - ", "no buildout", "next: slapos node instance --only-cp slappart0 --force"):  # fmt: skip
        assert part in text
    code, text = why("--json")
    document = json.loads(text)
    (failing,) = document["failing"]
    since, failures, fine = failing["story"]
    assert failures == 2
    assert fine <= since
    assert main(["service", "why", "../x", "--cfg", str(node.cfg)]) == 2
