"""Asking the operator: the pipe, its description, and word to the engine's socket (spec section 4.12)."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.engine.test_questions import answer
from tests.integration.engine.test_socket import until
from tests.integration.tools.running import Ran, run_on_runner
from tests.jobs import Bench, document, group, operation, phase, tool

from pilothouse.engine.events import NodeWaiting
from pilothouse.jobs.states import State
from pilothouse.tools.catalog import Catalog

NODE = {"resourceId": 7, "host": "10.1.1.1", "port": 80, "protocol": "ssh", "nodeName": "web"}


class Listener:
    """The engine's side of the socket: keeps every datagram, and answers the first question."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "job1.sock"
        self.heard: list[dict[str, Any]] = []
        self.seen: list[tuple[int, dict[str, Any]]] = []
        self.reply: Callable[[Path], object] = str
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def answer(self, *lines: str) -> None:
        self.reply = lambda pipe: pipe.write_text("".join(f"{line}\n" for line in lines), "utf-8")

    def _listen(self) -> None:
        while data := self._socket.recv(8192):
            message = json.loads(data)
            self.heard.append(message)
            if message["interact"]:
                pipe = Path(message["interact"]["pipeFile"])
                while not pipe.exists():
                    time.sleep(0.01)
                described = json.loads(pipe.with_name(f"{pipe.name}.json").read_text("utf-8"))
                self.seen.append((pipe.stat().st_mode, described))
                self.reply(pipe)

    def close(self) -> None:
        """End after all that was sent so far has been heard."""
        if not self._thread.is_alive():
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"", str(self.path))
        self._thread.join()
        self._socket.close()


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    found = Listener(tmp_path)
    yield found
    found.close()


def ask(listener: Listener, folder: Path, tool: str, *words: str) -> Ran:
    environment = {"AUTOEXEC_NODE": json.dumps(NODE), "AUTOEXEC_JOB_SOCK": str(listener.path)}
    return run_on_runner(f"interact/{tool}", *words, folder=folder, environment=environment)


def test_a_question_is_announced_answered_and_cleaned_away(tmp_path: Path, listener: Listener) -> None:
    listener.answer("[ann]# perhaps", "[ann]# left, right")
    words = (
        "--message",
        "Which way?\\nSay.",
        "--options",
        '["left, right", "back"]',
        "--title",
        "Way",
        "--role",
        "ops",
    )
    ran = ask(listener, tmp_path, "interact", *words, "--opType", "select")
    pipe = tmp_path / "log/prepare/10.1.1.1-80-7.txt.run.pipe"
    interact = {
        "title": "Way",
        "opType": "select",
        "message": "Which way?\nSay.",
        "options": ["left, right", "back"],
        "role": "ops",
        "pipeFile": str(pipe),
    }
    told = {"action": "informNodeWaitInput", "phaseName": "prepare", "resourceId": 7}
    listener.close()
    assert (ran.code, ran.outputs) == (0, {"interactOut": "left, right"}), ran.log
    assert listener.heard == [{**told, "interact": interact, "clean": 0}, {**told, "interact": None, "clean": 1}]
    assert [(oct(mode), described) for mode, described in listener.seen] == [("0o10700", interact)]
    assert list(pipe.parent.iterdir()) == []
    assert "[Wait Interact]Which way?\nSay.\n" in ran.log
    assert "WARN: 'perhaps' is no answer" in ran.log
    assert "FINE: ann answered" in ran.log


@pytest.mark.parametrize(
    ("form", "line", "code", "output"),
    [
        ("mselect", '["a", "b"]', 0, {"interactOut": ["a", "b"]}),
        ("input", "any thing", 0, {"interactOut": "any thing"}),
        ("button", "force-exit", 1, None),
    ],
)
def test_every_kind_of_question(
    tmp_path: Path, listener: Listener, form: str, line: str, code: int, output: object
) -> None:
    listener.answer(line)
    ran = ask(listener, tmp_path, "interact", "--message", "?", "--options", "a,b", "--opType", form)
    assert (ran.code, ran.outputs) == (code, output), ran.log


@pytest.mark.parametrize(("line", "code"), [("[ann]# Yes", 0), ("[ann]# No", 1), ("force-exit", 1)])
def test_continue_stops_on_no(tmp_path: Path, listener: Listener, line: str, code: int) -> None:
    """D48."""
    listener.answer(line)
    assert ask(listener, tmp_path, "continue").code == code


def test_nobody_answers_and_no_engine_listens(tmp_path: Path) -> None:
    environment = {"AUTOEXEC_JOB_SOCK": str(tmp_path / "gone.sock")}
    ran = run_on_runner("interact/continue", "--timeout", "0.3", folder=tmp_path, environment=environment)
    assert (ran.code, "there is no answer" in ran.log) == (1, True)
    assert "WARN: the engine could not be told" in ran.log


def test_a_question_that_is_ended_leaves_nothing(tmp_path: Path, listener: Listener) -> None:
    tool = Catalog().find("interact/continue", "local")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "AUTOEXEC_NODE": json.dumps(NODE),
        "AUTOEXEC_JOB_SOCK": str(listener.path),
        "AUTOEXEC_WORK_PATH": str(tmp_path),
        "AUTOEXEC_PHASE_NAME": "p",
    }
    running = subprocess.Popen(tool.command, env=environment, stdout=subprocess.DEVNULL)
    while not listener.seen:
        time.sleep(0.02)
    running.send_signal(signal.SIGTERM)
    assert running.wait(30) == 143
    assert list((tmp_path / "log/p").iterdir()) == []
    while len(listener.heard) < 2:
        time.sleep(0.02)
    assert listener.heard[-1]["clean"] == 1


def test_a_long_question_fits_into_a_datagram(tmp_path: Path, listener: Listener) -> None:
    listener.answer("Yes")
    ran = ask(listener, tmp_path, "continue", "--message", "ü" * 9000)
    assert ran.code == 0
    assert listener.heard[0]["interact"]["message"].endswith("ü...")


def test_choices_are_needed(tmp_path: Path) -> None:
    assert run_on_runner("interact/interact", "--message", "?", folder=tmp_path).code == 2


@pytest.mark.parametrize(("value", "state"), [("Yes", State.SUCCEEDED), ("No", State.FAILED)])
async def test_a_job_waits_for_its_operator(bench: Bench, value: str, state: State) -> None:
    ask = tool("interact/continue", "runner", opId="ask_1", opt={"message": "Go on?"})
    doc = document("7301", group(0, phase("p", ask, operation("after", "echo went on", "runner"))))
    running = asyncio.create_task(bench.run(doc))
    await until(lambda: bench.recorder.of(NodeWaiting))
    await asyncio.sleep(0.2)
    assert bench.json("7301", "status", "p", "local-0-0.json")["status"] == "waitInput"
    await answer(bench.space("7301"), value)
    assert (await running).state is state
    assert ("went on" in bench.log("7301", "p", "local-0-0")) == (state is State.SUCCEEDED)
    assert "anna decided" in bench.log("7301", "p", "local-0-0")
