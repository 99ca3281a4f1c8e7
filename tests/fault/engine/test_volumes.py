"""Much of everything in whole jobs: nodes, lines, bytes in a line, bytes that are no text."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.jobs import Bench, Document, document, group, local_nodes, operation, phase, ssh_keys, ssh_nodes
from tests.sshd import Sshd

from pilothouse.engine.events import NodeEnded
from pilothouse.jobs.plan import Selection
from pilothouse.jobs.states import State
from pilothouse.transports.fake import FakeTransport, Result

MANY = 20_000
PLANNED = """
import json, resource, sys
from pathlib import Path
from pilothouse.engine.request import read_job
from pilothouse.jobs.plan import Selection, plan
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
job, nodes = read_job(Path(sys.argv[1]), Path(sys.argv[2]))
made = plan(job, nodes, Selection())
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"nodes": len(made.groups[0].nodes_of("p")), "kib": after - before}))
"""
SOURCES = Path(__file__).resolve().parents[3] / "src"


def crowd(count: int) -> list[Document]:
    reach = {"protocol": "ssh", "protocolPort": 22, "username": "app", "password": "Pa55.word!", "nodeType": "host"}
    return [
        {"resourceId": n, "host": f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", "port": 80, "nodeName": f"web-{n}", **reach}
        for n in range(1, count + 1)
    ]


def test_twenty_thousand_nodes_are_planned_in_bounded_memory(tmp_path: Path) -> None:
    params, nodes = tmp_path / "params.json", tmp_path / "nodes.json"
    params.write_text(json.dumps(document("801", group(0, phase("p", operation("x", "true"))))), "utf-8")
    nodes.write_text("\n".join(map(json.dumps, [{"totalCount": MANY}, *crowd(MANY)])), "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", PLANNED, params, nodes],
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
        stdout=subprocess.PIPE,
        timeout=60,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found["nodes"] == MANY
    assert found["kib"] < 100 * 1024


async def test_two_thousand_of_twenty_thousand_nodes_run(bench: Bench) -> None:
    fake = FakeTransport(default=Result(output=(b"one\n", b"two\n")))
    doc = document("802", group(0, phase("p", operation("x", "true"))))
    chosen = Selection(nodes=tuple(range(10, MANY + 1, 10)))
    result = await bench.run(doc, crowd(MANY), transports={"ssh": fake}, selection=chosen)
    assert result.state is State.SUCCEEDED
    ended = bench.recorder.of(NodeEnded)
    assert Counter(event.state for event in ended) == {State.SUCCEEDED: 2000}
    assert {event.node.resource_id for event in ended} == set(chosen.nodes)
    assert len(fake.launches) == 2000
    assert fake.peak_connections <= bench.settings.concurrency
    assert fake.open_connections == 0
    assert len(list((bench.space("802").root / "status" / "p").iterdir())) == 2000


@pytest.mark.parametrize("protocol", ["local", "ssh"])
async def test_a_line_of_ten_megabytes_is_in_the_log_whole(bench: Bench, sshd: Sshd, protocol: str) -> None:
    script = "head -c 10485760 /dev/zero | tr '\\0' x; echo; echo after"
    targets = ssh_nodes(sshd, 1) if protocol == "ssh" else local_nodes(1)
    await bench.run(document("803", group(0, phase("p", operation("x", script)))), targets)
    key = ssh_keys(sshd, 1)[0] if protocol == "ssh" else "127.0.0.1-7001-5001"
    lines = [line[9:] for line in bench.log("803", "p", key).splitlines()]
    assert lines[lines.index("x" * 10_485_760) + 1] == "after"


async def test_a_hundred_thousand_lines_of_each_of_three_nodes_are_complete(bench: Bench, sshd: Sshd) -> None:
    doc = document("804", group(0, phase("p", operation("x", "seq 1 100000"))))
    assert (await bench.run(doc, ssh_nodes(sshd, 3))).state is State.SUCCEEDED
    for key in ssh_keys(sshd, 3):
        lines = [line[9:] for line in bench.log("804", "p", key).splitlines()]
        start = lines.index("1")
        assert lines[start : start + 100_000] == [str(n) for n in range(1, 100_001)]


async def test_every_byte_that_is_no_text_is_shown_and_nothing_is_lost(bench: Bench, tmp_path: Path) -> None:
    """What stands between the lines comes out, whatever bytes a program prints; outputs in UTF-8 are still read."""
    payload = tmp_path / "payload"
    payload.write_bytes(b"".join(b"%d:" % n + bytes([n]) * 3 + b":\n" for n in range(256) if n not in (10, 13)))
    script = f'cat {payload}; printf \'{{"v": "\u4e2d"}}\' > "$OUTPUT_PATH"'
    doc = document("805", group(0, phase("p", operation("x", script, output={"v": {}}))))
    assert (await bench.run(doc, local_nodes(1))).state is State.SUCCEEDED
    log = (bench.space("805").root / "log/p/127.0.0.1-7001-5001.txt").read_bytes().decode()
    lines = [line[9:] for line in log.split("\n")]
    start = lines.index("0:\0\0\0:")
    shown = lines[start : start + 254]
    assert [line.split(":")[0] for line in shown] == [str(n) for n in range(256) if n not in (10, 13)]
    assert shown[63] == "65:AAA:"
    assert all(line.endswith(":") for line in shown)
    assert bench.json("805", "output", "127.0.0.1-7001-5001.json")["x_1"] == {"v": "\u4e2d"}
