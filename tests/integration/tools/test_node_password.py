"""Tools on the runner get their node's password from the engine (D43)."""

import json
from pathlib import Path

import msgspec
from tests.jobs import Bench, document, group, phase, tool

from pilothouse.jobs.states import State
from pilothouse.transports.contract import Transport
from pilothouse.transports.fake import FakeTransport
from pilothouse.transports.local import LocalTransport

PROGRAM = """#!/usr/bin/env python3
import json, os, sys
from pilothouse.tools import program
with open(sys.argv[0] + ".told", "w") as stream:
    json.dump([json.loads(os.environ["AUTOEXEC_NODE"])["password"], program.login_node().password.reveal()], stream)
"""


async def test_a_tool_asks_the_engine_or_says_that_it_reads_the_environment(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "plugins" / "local" / "site"
    folder.mkdir(parents=True)
    for name, more in (("asks", {}), ("reads", {"nodePassword": 1})):
        (folder / name).write_text(PROGRAM, "utf-8")
        (folder / name).chmod(0o700)
        (folder / f"{name}.json").write_text(json.dumps({"opType": "runner_target", **more}), "utf-8")
    bench.settings = msgspec.structs.replace(bench.settings, plugins=(tmp_path / "plugins",))
    node = {"resourceId": 7, "host": "h", "port": 1, "protocol": "ssh", "username": "u", "password": "kept-to-itself"}
    doc = document(
        "4990", group(0, phase("p", tool("site/asks", "runner_target"), tool("site/reads", "runner_target")))
    )
    ways: dict[str, Transport] = {"local": LocalTransport(), "ssh": FakeTransport()}
    assert (await bench.run(doc, [node], transports=ways)).state is State.SUCCEEDED
    told = {name: json.loads((folder / f"{name}.told").read_text("utf-8")) for name in ("asks", "reads")}
    assert told == {"asks": ["", "kept-to-itself"], "reads": ["kept-to-itself", "kept-to-itself"]}
