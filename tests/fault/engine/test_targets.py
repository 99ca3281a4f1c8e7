"""Servers that turn callers away, machines that vanish, and two engines for one job: as whole jobs."""

import asyncio
import os
import signal
import subprocess
from collections import Counter
from pathlib import Path

from tests.commands import Commands
from tests.conftest import MakeSshd
from tests.jobs import Bench, document, group, operation, phase, ssh_nodes
from tests.machine import nap, running, until
from tests.sshd import Sshd

from pilothouse.engine.events import NodeEnded, NodeSkipped
from pilothouse.jobs.states import State


def processes() -> dict[int, tuple[int, str]]:
    """Return parent and command line of every process."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,args="], stdout=subprocess.PIPE, text=True, check=True)
    rows = [line.split(None, 2) for line in listing.stdout.splitlines()]
    return {int(row[0]): (int(row[1]), row[2] if len(row) > 2 else "") for row in rows}


def session_of(pid: int, sshd: Sshd) -> int:
    """Return the server's process above a process of an operation."""
    found, known = processes(), set(sshd.sessions())
    while pid not in known:
        pid = found[pid][0]
    return pid


async def test_thirty_nodes_behind_an_sshd_that_turns_half_away_all_succeed(
    make_sshd: MakeSshd, tmp_path: Path
) -> None:
    sshd = make_sshd(MaxStartups="2:50:5")
    bench = Bench(sshd.settings(data=tmp_path / "data"))
    result = await bench.run(document("811", group(0, phase("p", operation("x", "true")))), ssh_nodes(sshd, 30))
    states = Counter(event.state for event in bench.recorder.of(NodeEnded))
    assert states == {State.SUCCEEDED: 30}, [event.reason for event in bench.recorder.of(NodeEnded) if event.reason]
    assert result.state is State.SUCCEEDED


async def test_a_machine_that_vanishes_in_an_operation_fails_its_node_only(make_sshd: MakeSshd, tmp_path: Path) -> None:
    sshd = make_sshd()
    bench = Bench(sshd.settings(data=tmp_path / "data"))
    note, mended, command = tmp_path / "pid", tmp_path / "mended", nap()
    script = f"""[ "$NODE_NAME" = web-2 ] && ! [ -e {mended} ] || exit 0
echo $$ >{note}.part && mv {note}.part {note}
{command}"""
    doc = document("812", group(0, phase("p", operation("x", "sleep 0.2"), operation("y", script))))
    job = asyncio.create_task(bench.run(doc, ssh_nodes(sshd, 3)))
    await until(note.exists)
    recorder = bench.recorder
    await until(lambda: len(recorder.of(NodeEnded)) == 2)
    os.kill(session_of(int(note.read_text("utf-8")), sshd), signal.SIGKILL)
    assert (await asyncio.wait_for(job, 30)).state is State.FAILED
    ended = {event.node.name: event for event in bench.recorder.of(NodeEnded)}
    assert {name: event.state for name, event in ended.items()} == {
        "web-1": State.SUCCEEDED,
        "web-2": State.FAILED,
        "web-3": State.SUCCEEDED,
    }
    assert "lost" in ended["web-2"].reason
    await until(lambda: not running(command))

    mended.touch()
    assert (await bench.run(doc, ssh_nodes(sshd, 3))).state is State.SUCCEEDED
    assert sorted(event.node.name for event in bench.recorder.of(NodeSkipped)) == ["web-1", "web-3"]


def test_of_engines_started_together_for_one_job_one_works_and_the_others_are_refused(
    tmp_path: Path, sshd: Sshd
) -> None:
    commands = Commands(tmp_path, sshd)
    doc = document("813", group(0, phase("p", operation("x", "echo ran >> file/count; sleep 3", "runner"))))
    params, *_ = commands.write(doc, [])
    words = ("--devmode", "--jobid", "813", "--firstfire", "--paramsfile", params)
    engines = [commands.start("autoexec", *words) for _ in range(3)]
    said = {engine.pid: engine.communicate(timeout=30)[0] for engine in engines}
    assert sorted(engine.returncode for engine in engines) == [0, 3, 3], said
    refused = [said[engine.pid] for engine in engines if engine.returncode]
    assert all("job 813 is being run by" in text and "Traceback" not in text for text in refused)
    assert (commands.home / "data/job/813/file/count").read_text("utf-8") == "ran\n"


def test_nodes_that_stand_twice_are_one_when_equal_and_refused_when_not(tmp_path: Path, sshd: Sshd) -> None:
    commands = Commands(tmp_path, sshd)
    one, two = ssh_nodes(sshd, 2)
    doc = document("814", group(0, phase("p", operation("x", "true"))))
    job = commands.write(doc, [one, two, one])
    commands.pilothouse("job", "run", *job)
    assert len(list((commands.data / "job/814/status/p").iterdir())) == 2
    job = commands.write(doc, [one, two, {**one, "host": "127.0.0.2"}])
    assert "line 3.resourceId" in commands.pilothouse("job", "run", *job, code=2).stderr
