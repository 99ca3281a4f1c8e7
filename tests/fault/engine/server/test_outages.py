"""The control server goes away, comes back, answers nonsense: no node fails, nothing that was reported is lost."""

import asyncio
import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.console import Console, Reply, node_list, refusal
from tests.jobs import document, group, local_nodes, operation, phase
from tests.machine import nap
from tests.sshd import Sshd
from tests.underserver import ServerBench

from pilothouse.controlserver import calls
from pilothouse.controlserver.replies import ServerUnavailableError
from pilothouse.jobs.states import State

SOURCES = Path(__file__).resolve().parents[4] / "src"
COMPLETE = [
    ("phase", "roll", "running"),
    ("node", "roll", "5001", "running"),
    ("node", "roll", "5001", "succeed"),
    ("node", "roll", "5002", "running"),
    ("node", "roll", "5002", "succeed"),
    ("phase", "roll", "succeed"),
    ("fire", "0"),
]


@pytest.fixture
def served(console: Console, sshd: Sshd, tmp_path: Path) -> ServerBench:
    return ServerBench(console, sshd.settings(data=tmp_path / "data"))


def job(job_id: str, script: str = "true") -> Any:
    return document(job_id, group(0, phase("roll", operation("do", script), roundCount=2)))


async def test_check_29_a_server_that_is_down_fails_nothing_and_hears_all_at_the_next_start(
    console: Console, served: ServerBench
) -> None:
    served.give(job("4201"), local_nodes(2))
    down = asyncio.Event()
    loop = asyncio.get_running_loop()

    def silent(request: Any) -> Reply:
        loop.call_soon_threadsafe(down.set)
        return Reply(503, b"", {}, hang=30)

    console.answers[calls.PHASE_STATUS] = silent
    running = asyncio.create_task(served.run("4201", limits={"grace": 0.3, "read_timeout": 0.3}))
    await down.wait()
    await asyncio.to_thread(console.stop)
    result = await running
    assert result.state is State.SUCCEEDED
    assert served.unsent == len(COMPLETE)
    assert "status pushes are kept" in served.said
    console.requests.clear()
    console.answers.clear()
    console.start()
    again = await served.run("4201", first=False)
    assert again.state is State.SUCCEEDED
    assert served.unsent == 0
    rerun = [
        ("phase", "roll", "running"),
        ("node", "roll", "5001", "succeed"),
        ("node", "roll", "5002", "succeed"),
        ("phase", "roll", "succeed"),
        ("fire", "0"),
    ]
    # the request to start the next group is made once, by the run that covers the group now
    assert console.pushes() == COMPLETE[:-1] + rerun
    times = [request.body["time"] for request in console.of(calls.NODE_STATUS, calls.PHASE_STATUS)]
    assert times == sorted(times)


async def test_a_server_that_comes_back_during_the_run_hears_all_in_order(
    console: Console, served: ServerBench, tmp_path: Path
) -> None:
    served.give(job("4202", f"echo >> {tmp_path}/ran; sleep 0.3"), local_nodes(4))
    running = asyncio.create_task(served.run("4202"))
    async with asyncio.timeout(30):
        while not (tmp_path / "ran").exists():
            await asyncio.sleep(0.02)
        await asyncio.to_thread(console.stop)
        while len((tmp_path / "ran").read_text()) < 3:
            await asyncio.sleep(0.02)
        console.start()
    assert (await running).state is State.SUCCEEDED
    assert served.unsent == 0
    # one push may have been answered while the connection broke; it then comes twice in a row
    heard = [push for push, _ in itertools.groupby(console.pushes())]
    assert heard[0] == ("phase", "roll", "running")
    assert heard[-2:] == [("phase", "roll", "succeed"), ("fire", "0")]
    for number in range(5001, 5005):
        states = [push[3] for push in heard if push[0] == "node" and push[2] == str(number)]
        assert states == ["running", "succeed"]


@pytest.mark.parametrize(
    "fault",
    [
        Reply(200, b"<html>gateway</html>", {"Content-Type": "text/html"}),
        Reply(200, b'{"Status": "OK"}', {"Content-Type": "application/json"}, cut=5),
        Reply(502, b"", {}),
        Reply(500, b"\xff" * 3000, {}),
        Reply(200, b"null", {}),
        Reply(200, b"", {}, hang=5),
    ],
    ids=["html", "cut", "502", "500", "null", "silence"],
)
async def test_nonsense_is_no_delivery(console: Console, served: ServerBench, fault: Reply) -> None:
    served.give(job("4203"), local_nodes(2))
    for path in (calls.PHASE_STATUS, calls.NODE_STATUS):
        console.faults[path].append(fault)
    result = await served.run("4203", limits={"read_timeout": 0.3, "grace": 10})
    assert result.state is State.SUCCEEDED
    assert served.unsent == 0
    pushes = console.pushes()
    assert list(dict.fromkeys(pushes)) == COMPLETE
    assert len(pushes) == len(COMPLETE) + 2


@pytest.mark.parametrize("value", [None, [], "text", 5, {"hasFailNode": 0}, {"hasFailNode": None}])
async def test_strange_answers_to_a_node_status_mean_delivered(
    console: Console, served: ServerBench, value: Any
) -> None:
    """The original dies of a null here (autoexec-console.md 1.3.5)."""
    served.give(job("4204"), local_nodes(2))
    body = json.dumps({"Status": "OK", "Return": value}).encode()
    console.answers[calls.NODE_STATUS] = lambda request: Reply(200, body, {})
    assert (await served.run("4204")).state is State.SUCCEEDED
    assert console.pushes() == COMPLETE


async def test_a_revoked_key_stops_the_reports_and_not_the_job(console: Console, served: ServerBench) -> None:
    served.give(job("4205"), local_nodes(2))
    console.faults[calls.PHASE_STATUS].append(refusal(522, "authentication failed"))
    result = await served.run("4205", limits={"grace": 0.2})
    assert result.state is State.SUCCEEDED
    assert served.unsent == len(COMPLETE)
    assert len(console.of(calls.PHASE_STATUS)) == 1
    console.requests.clear()
    await served.run("4205", first=False)
    assert console.pushes()[: len(COMPLETE) - 1] == COMPLETE[:-1]


async def test_a_server_that_is_down_at_the_start_says_so_and_leaves_no_half_document(
    console: Console, served: ServerBench
) -> None:
    served.give(job("4206"), local_nodes(2))
    console.stop()
    with pytest.raises(ServerUnavailableError, match="localhost"):
        await served.run("4206", limits={"patience": 0.3})
    assert not served.space("4206").params.exists()
    console.start()
    assert (await served.run("4206")).state is State.SUCCEEDED


async def test_documents_that_break_off_are_fetched_again(console: Console, served: ServerBench) -> None:
    served.give(job("4207"), local_nodes(2))
    console.faults[calls.PARAMS].append(Reply(200, b'{"Status":"OK","Return":{"jobId":"4207"}}', {}, cut=20))
    nodes = node_list(local_nodes(2)).encode()
    console.faults[calls.NODES].append(Reply(200, nodes, {}, cut=len(nodes) - 10))
    result = await served.run("4207")
    assert result.tally.succeeded == 2


async def test_an_abort_does_not_wait_for_a_server_that_hangs(
    console: Console, served: ServerBench, tmp_path: Path
) -> None:
    served.give(job("4209", f"touch {tmp_path}/begun; {nap()}"), local_nodes(1))
    console.answers[calls.NODE_STATUS] = lambda request: Reply(200, b"", {}, hang=60)
    running = asyncio.create_task(served.run("4209", limits={"grace": 0.3, "read_timeout": 30}))
    async with asyncio.timeout(30):
        while not (tmp_path / "begun").exists():
            await asyncio.sleep(0.02)
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(25):
        assert (await running).state is State.ABORTED
    console.answers.clear()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_engine_killed_with_unsent_reports_loses_none(tmp_path: Path, console: Console, moment: str) -> None:
    """The reports of the killed engine come first, then those of the one that goes on."""
    marks = tmp_path / "marks"
    script = f'echo "$NODE_PORT" >> {marks}; [ "$NODE_PORT" = 7002 ] && [ ! -e {tmp_path}/go ] && sleep 30; true'
    console.params["4208"] = {"roundCount": 1, **job("4208", script)}
    console.nodes["job"] = node_list(local_nodes(2))
    console.answers[calls.NODE_STATUS] = lambda request: Reply(200, b"", {}, hang=60)
    home = tmp_path / "home"
    (home / "conf").mkdir(parents=True)
    (home / "conf" / "config.ini").write_text(
        f"[server]\nserver.baseurl={console.url}\nserver.username=autoexec\nserver.password=s3cr3t-token\n"
        "server.grace=5\n"
    )
    words = [sys.executable, "-m", "pilothouse.cli.autoexec", "--jobid", "4208", "--execuser", "me"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCES), "AUTOEXEC_HOME": str(home), "tenant": "demo"}
    process = subprocess.Popen([*words, "--firstfire"], env=environment, stdout=subprocess.DEVNULL)
    _until(lambda: marks.exists() and "7002" in marks.read_text())
    spool = home / "data" / "job" / "420" / "8" / "spool.db"
    if moment == "after":
        _until(lambda: _kept(spool) >= 3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    console.answers.clear()
    console.requests.clear()
    (tmp_path / "go").touch()
    done = subprocess.run(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout.decode()
    pushes = console.pushes()
    states = {
        number: [push[3] for push in pushes if push[0] == "node" and push[2] == number] for number in ("5001", "5002")
    }
    assert states["5001"][-1] == "succeed"
    assert states["5001"][:-1] == [*["running"], "succeed"][: len(states["5001"]) - 1]
    assert states["5002"][-2:] == ["running", "succeed"]
    assert pushes[-1] == ("fire", "0")
    assert marks.read_text().split().count("7001") == 1
    assert _kept(spool) == 0


def _kept(spool: Path) -> int:
    if not spool.exists():
        return 0
    connection = sqlite3.connect(spool)
    try:
        return int(connection.execute("SELECT count(*) FROM push").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


def _until(condition: Any) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
