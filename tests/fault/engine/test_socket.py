"""What may go wrong around a job's socket: floods, dead clients, half answers, and an engine that is killed."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.integration.engine.test_socket import client, lock, runner_job
from tests.jobs import Bench, Document
from tests.machine import nap, running

from pilothouse.engine.actions import LARGEST
from pilothouse.engine.answers import Question, deliver, question_of
from pilothouse.engine.events import Notice, OperationStarted
from pilothouse.engine.filelocks import FileLocks
from pilothouse.engine.journal import Journal
from pilothouse.engine.request import JobResult
from pilothouse.engine.stop import Stopped, abort_job, pause_job
from pilothouse.engine.workspace import Workspace, workspace
from pilothouse.jobs.states import State

SOURCES = Path(__file__).resolve().parents[3] / "src"
BUTTON = {"opType": "button", "message": "Go on?", "options": ["Yes", "No"]}
MARK = 'echo "$OPERATION_ID" >> "$AUTOEXEC_WORK_PATH/marks"'


class Engines:
    """Engines in processes of their own, as the command starts them."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self._folder = folder
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, doc: Document) -> "subprocess.Popen[bytes]":
        params = self._folder / f"{doc['jobId']}.json"
        params.write_text(json.dumps(doc), "utf-8")
        words = [sys.executable, "-m", "pilothouse.cli.main", "job", "run", str(params), "--data", str(self.data)]
        environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
        with (self._folder / "said").open("ab") as said:
            engine = subprocess.Popen([*words, "--plain"], env=environment, stdout=said, stderr=said)
        self._started.append(engine)
        return engine

    def space(self, job_id: str) -> Workspace:
        return workspace(self.data, job_id)

    def close(self) -> None:
        for engine in self._started:
            engine.kill()
            engine.wait()


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Engines]:
    found = Engines(tmp_path)
    yield found
    found.close()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def marks(space: Workspace) -> list[str]:
    path = space.root / "marks"
    return path.read_text("utf-8").split() if path.exists() else []


def status(space: Workspace) -> str:
    path = space.root / "status" / "p" / "local-0-0.json"
    return str(json.loads(path.read_text("utf-8"))["status"]) if path.exists() else ""


def asked(space: Workspace) -> Question:
    async def read() -> list[Question]:
        journal = Journal(space.journal)
        await journal.open()
        try:
            return [question_of(row) for row in await journal.questions()]
        finally:
            await journal.close()

    (found,) = asyncio.run(read())
    until(lambda: Path(found.pipe).is_fifo())
    time.sleep(0.1)
    return found


def test_an_engine_killed_while_a_node_waits_asks_again_and_repeats_nothing(engines: Engines) -> None:
    space = engines.space("5001")
    doc = runner_job("5001", MARK, f"{MARK}; {client('question', BUTTON)}", MARK)
    for _ in range(2):
        engine = engines.start(doc)
        until(lambda: status(space) == "waitInput")
        engine.kill()
        engine.wait()
        (space.root / "status" / "p" / "local-0-0.json").write_text('{"status": "interrupted"}')
    engine = engines.start(doc)
    until(lambda: status(space) == "waitInput")
    deliver(space, asked(space), "Yes", "anna")
    assert engine.wait(30) == 0
    assert marks(space) == ["o1_1", "o2_1", "o2_1", "o2_1", "o3_1"]
    assert list(space.root.glob("job*.sock")) == []


def test_locks_of_a_killed_engine_are_free(engines: Engines) -> None:
    """check 72"""
    space = engines.space("5002")
    engine = engines.start(runner_job("5002", client("ask", lock()), f"{MARK}; sleep 30"))
    until(lambda: marks(space))
    wanted = {**lock(wait=0)["lockParams"], "jobId": "other"}
    assert asyncio.run(FileLocks(engines.data / "locks").exchange(wanted))["lockId"] is None
    engine.kill()
    engine.wait()
    assert asyncio.run(FileLocks(engines.data / "locks").exchange(wanted))["wait"] == 0


def test_half_an_answer_spoils_nothing(engines: Engines) -> None:
    space = engines.space("5003")
    engine = engines.start(runner_job("5003", client("question", BUTTON)))
    until(lambda: status(space) == "waitInput")
    question = asked(space)
    with Path(question.pipe).open("wb", buffering=0) as pipe:
        pipe.write(b"[bob]# Ye")
    time.sleep(0.2)
    assert status(space) == "waitInput"
    deliver(space, question, "Yes", "anna")
    time.sleep(0.2)
    if engine.poll() is None and status(space) == "waitInput":
        deliver(space, question, "Yes", "anna")
    assert engine.wait(30) == 0


@pytest.mark.parametrize("moment", [0.0, 0.3])
def test_a_pause_signal_may_come_again_and_again(engines: Engines, moment: float) -> None:
    """checks 66 and 69, D14: also while the process ends, and to an engine whose process has another name"""
    space = engines.space("5004")
    engine = engines.start(runner_job("5004", f"{MARK}; sleep 2", MARK))
    until(lambda: marks(space))
    time.sleep(moment)
    while engine.poll() is None:
        engine.send_signal(signal.SIGUSR1)
        time.sleep(0.001)
    assert engine.returncode == 3
    assert marks(space) == ["o1_1"]
    assert status(space) == "paused"
    assert pause_job(space) is Stopped.NOT_RUNNING
    assert engines.start(runner_job("5004", f"{MARK}; sleep 2", MARK)).wait(30) == 0
    assert marks(space) == ["o1_1", "o2_1"]


def test_stopping_one_job_leaves_another_whose_id_begins_alike(engines: Engines) -> None:
    """checks 66, 67 and 68: 12 and 123; the engine runs as ``python -m``; grandchildren die too"""
    command = nap()
    grandchildren = f"({command} & {command}) & {MARK}; {command}"
    first, second = engines.start(runner_job("12", grandchildren)), engines.start(runner_job("123", f"{MARK}; sleep 2"))
    until(lambda: marks(engines.space("12")) and marks(engines.space("123")))
    assert abort_job(engines.space("12")) is Stopped.GONE
    assert first.wait(30) == 5
    assert running(command) == []
    assert abort_job(engines.space("12")) is Stopped.NOT_RUNNING
    assert second.wait(30) == 0


def test_signals_stop_an_engine_that_listens_no_longer(engines: Engines) -> None:
    space = engines.space("5005")
    doc = runner_job("5005", client("send", {"action": "exit"}), f"{MARK}; sleep 2", MARK)
    engine = engines.start(doc)
    until(lambda: marks(space))
    assert pause_job(space) is Stopped.GONE
    assert engine.wait(30) == 3
    assert marks(space) == ["o2_1"]


def test_quit_shows_the_tasks_and_stops_nothing(engines: Engines) -> None:
    space = engines.space("5006")
    engine = engines.start(runner_job("5006", f"{MARK}; sleep 0.5"))
    until(lambda: marks(space))
    engine.send_signal(signal.SIGQUIT)
    assert engine.wait(30) == 0
    console = (space.root / "log" / "console.txt").read_text("utf-8")
    assert " tasks\n" in console
    assert "in _node" in console


def test_leftovers_of_killed_engines_are_swept(engines: Engines) -> None:
    space = engines.space("5007")
    doc = runner_job("5007", f"{MARK}; sleep 30")
    engine = engines.start(doc)
    until(lambda: marks(space))
    engine.kill()
    engine.wait()
    assert len(list(space.root.glob("job*.sock"))) == 1
    assert engines.start(runner_job("5007", "true")).wait(30) == 0
    assert list(space.root.glob("job*.sock")) == []


async def _running(bench: Bench, doc: Document) -> "asyncio.Task[JobResult]":
    task = asyncio.create_task(bench.run(doc))
    async with asyncio.timeout(30):
        while not bench.recorder.of(OperationStarted):
            await asyncio.sleep(0.02)
    return task


async def test_a_flood_of_garbage_and_of_silent_clients_holds_nothing_up(bench: Bench, tmp_path: Path) -> None:
    path = bench.space("5008").root / f"job{os.getpid()}.sock"
    wait = f"while [ ! -e {tmp_path}/flooded ]; do sleep 0.05; done"
    running = await _running(bench, runner_job("5008", wait, client("ask", {"action": "setEnv", "items": {}})))

    def flood() -> None:
        sent = 0
        deaf = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        deaf.bind("")
        deaf.setblocking(False)
        with deaf:
            while sent < 1500:
                content = b"x" * (sent * 997 % (2 * LARGEST)) if sent % 2 else b'{"action": "queryCollectDB"}'
                try:
                    deaf.sendto(content, str(path))
                    sent += 1
                except BlockingIOError:
                    time.sleep(0.0002)

    async with asyncio.timeout(60):
        await asyncio.to_thread(flood)
    (tmp_path / "flooded").touch()
    async with asyncio.timeout(30):
        result = await running
    assert result.state is State.SUCCEEDED
    assert '{"status":"ok"}' in bench.log("5008", "p", "local-0-0")
    assert len([note for note in bench.recorder.of(Notice) if "refused a datagram" in note.text]) == 10
