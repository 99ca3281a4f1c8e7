"""Operations that ask a person, and the answers (spec 4.12, 5.1, 5.2)."""

import asyncio
import contextlib
import itertools
import json
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.integration.engine.test_socket import client, until
from tests.jobs import Bench, Document, document, group, local_nodes, operation, phase

from pilothouse.engine.answers import Question, checked, deliver, question_of
from pilothouse.engine.control import Control
from pilothouse.engine.events import NodeEnded, NodeWaiting, OperationStarted
from pilothouse.engine.journal import Journal
from pilothouse.engine.workspace import Workspace
from pilothouse.jobs.states import State

BUTTON = {"opType": "button", "message": "Go on?", "options": ["Yes", "No"]}


def asking(job_id: str, interact: dict[str, Any] = BUTTON, kind: str = "runner", **fields: Any) -> Document:
    ask = operation("ask", client("question", interact), kind)
    return document(job_id, group(0, phase("p", ask, operation("after", "true", kind))), **fields)


async def open_questions(space: Workspace) -> list[Question]:
    journal = Journal(space.journal)
    await journal.open()
    try:
        return [question_of(row) for row in await journal.questions()]
    finally:
        await journal.close()


async def answer(space: Workspace, value: str, *, node: str = "local-0-0") -> None:
    (question,) = [question for question in await open_questions(space) if question.node == node]
    async with asyncio.timeout(30):
        while not Path(question.pipe).is_fifo():
            await asyncio.sleep(0.02)
    deliver(space, question, checked(question, value), "anna")


async def test_the_node_waits_until_it_is_answered(bench: Bench) -> None:
    space = bench.space("4101")
    running = asyncio.create_task(bench.run(asking("4101")))
    await until(lambda: bench.recorder.of(NodeWaiting))
    await asyncio.sleep(0.3)
    status = bench.json("4101", "status", "p", "local-0-0.json")
    assert status["status"] == "waitInput"
    assert status["interact"]["message"] == "Go on?"
    assert status["interact"]["options"] == ["Yes", "No"]
    assert status["ask_1"] == "running"
    await answer(space, "Yes")
    assert (await running).state is State.SUCCEEDED
    events = [event for event in bench.recorder.events if isinstance(event, NodeWaiting | NodeEnded)]
    assert [type(event) for event in events] == [NodeWaiting, NodeWaiting, NodeEnded]
    assert [event.interact is None for event in events if isinstance(event, NodeWaiting)] == [False, True]
    status = bench.json("4101", "status", "p", "local-0-0.json")
    assert (status["status"], status["interact"]) == ("succeed", None)
    assert "answer: [anna]# Yes" in bench.log("4101", "p", "local-0-0")
    assert "waits for input: Go on?" in (space.root / "log" / "console.txt").read_text()
    assert await open_questions(space) == []


async def test_each_node_has_its_question_and_no_answers_another_s(bench: Bench) -> None:
    space = bench.space("4102")
    running = asyncio.create_task(bench.run(asking("4102", kind="runner_target"), local_nodes(2)))
    await until(lambda: len(bench.recorder.of(NodeWaiting)) == 2)
    await answer(space, "No", node="127.0.0.1-7001-5001")
    await answer(space, "Yes", node="127.0.0.1-7002-5002")
    assert (await running).state is State.FAILED
    ended = {event.node.resource_id: event.state for event in bench.recorder.of(NodeEnded)}
    assert ended == {5001: State.FAILED, 5002: State.SUCCEEDED}


async def test_an_operation_that_ends_without_a_word_leaves_no_question(bench: Bench) -> None:
    send = {"action": "informNodeWaitInput", "phaseName": "p", "resourceId": 0, "interact": BUTTON}
    careless = f"{client('send', send)}; sleep 0.3"
    doc = document(
        "4103", group(0, phase("p", operation("a", careless, "runner"), operation("b", "sleep 0.3", "runner")))
    )
    running = asyncio.create_task(bench.run(doc))
    await until(lambda: len(bench.recorder.of(OperationStarted)) == 2)
    await asyncio.sleep(0.1)
    assert bench.json("4103", "status", "p", "local-0-0.json")["status"] == "running"
    assert await open_questions(bench.space("4103")) == []
    assert (await running).state is State.SUCCEEDED


async def test_secrets_in_a_question_are_masked(bench: Bench) -> None:
    doc = asking("4104", {"opType": "input", "message": "the password is topsecret77", "options": []}, "runner_target")
    control = Control()
    node = {**local_nodes(1)[0], "password": "topsecret77"}
    running = asyncio.create_task(bench.run(doc, [node], control=control))
    await until(lambda: bench.recorder.of(NodeWaiting))
    await asyncio.sleep(0.2)
    text = (bench.space("4104").root / "status" / "p" / "127.0.0.1-7001-5001.json").read_text()
    assert "the password is ******" in text
    assert "topsecret77" not in text
    control.abort()
    assert (await running).state is State.ABORTED


async def test_abort_ends_a_wait(bench: Bench) -> None:
    control = Control()
    running = asyncio.create_task(bench.run(asking("4105"), control=control))
    await until(lambda: bench.recorder.of(NodeWaiting))
    control.abort()
    assert (await running).state is State.ABORTED
    status = bench.json("4105", "status", "p", "local-0-0.json")
    assert (status["status"], status["interact"]) == ("aborted", None)


@contextlib.asynccontextmanager
async def command(*words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pilothouse.cli.main", "job", *words, stdout=-1, stderr=-1
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        # not only waited for: pipes that nobody has read to their end outlive the test
        await process.communicate()


async def said(*words: str) -> tuple[int | None, str]:
    async with command(*words) as process:
        out, err = await process.communicate()
        return process.returncode, (out + err).decode()


async def test_the_command_lists_and_answers(bench: Bench, tmp_path: Path) -> None:
    data = str(bench.settings.data)
    params = tmp_path / "params.json"
    params.write_text(json.dumps(asking("4106")))
    async with command("run", str(params), "--data", data, "--plain") as job:
        async with asyncio.timeout(30):
            while "Go on?" not in (await said("answer", "4106", "--data", data))[1]:
                await asyncio.sleep(0.2)
        code, text = await said("answer", "4106", "--data", data, "--json")
        assert code == 0
        assert json.loads(text)[0]["options"] == ["Yes", "No"]
        assert (await said("answer", "4106", "local", "Maybe", "--data", data))[0] == 2
        assert (await said("answer", "4106", "elsewhere", "Yes", "--data", data))[0] == 2
        code, text = await said("answer", "4106", "0", "Yes", "--data", data, "--user", "anna")
        assert (code, text) == (0, "answered local-0-0 in phase p\n")
        out, _ = await job.communicate()
        assert job.returncode == 0
    assert "asks: Go on? (Yes, No)" in out.decode()
    assert "pilothouse job answer 4106 0 VALUE" in out.decode()
    assert await said("answer", "4106", "--data", data) == (0, "job 4106 asks nothing now\n")
    assert (await said("answer", "4106", "0", "Yes", "--data", data))[0] == 7


async def test_the_status_file_is_whole_at_any_time(bench: Bench) -> None:
    """check 73: read a thousand times a second while the node runs, asks and goes on"""
    space = bench.space("4107")
    path = space.root / "status" / "p" / "local-0-0.json"
    seen: list[str] = []
    over = threading.Event()

    def poll() -> None:
        while not over.wait(0.001):
            if path.exists():
                seen.append(str(json.loads(path.read_bytes())["status"]))

    polling = asyncio.create_task(asyncio.to_thread(poll))
    try:
        running = asyncio.create_task(bench.run(asking("4107")))
        await until(lambda: "waitInput" in seen)
        await answer(space, "Yes")
        assert (await running).state is State.SUCCEEDED
        await until(lambda: "succeed" in seen)
    finally:
        over.set()
        await polling
    assert [word for word, _ in itertools.groupby(seen)] == ["running", "waitInput", "running", "succeed"]
    document = bench.json("4107", "status", "p", "local-0-0.json")
    assert set(document) == {"pid", "interact", "status", "warnCount", "currenOp", "opPid", "ask_1", "after_1"}
