"""The watchers' files exactly as documented (spec sections 3.7, 5.2, 5.4, 5.5; checks 73 and 74)."""

import asyncio
import json
import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.unit.engine.samples import (
    AT,
    NODE,
    ended,
    job_ended,
    job_started,
    lines,
    node_ended,
    node_skipped,
    node_started,
    skipped,
    started,
)

from pilothouse.engine.events import Event, EventStream
from pilothouse.engine.watchers.console import ConsoleLog
from pilothouse.engine.watchers.files import FileWatcher
from pilothouse.engine.watchers.inputs import InputFiles
from pilothouse.engine.watchers.logs import LogFiles
from pilothouse.engine.watchers.status import StatusFiles
from pilothouse.engine.workspace import Workspace, workspace
from pilothouse.jobs.nodes import LOCAL, Node
from pilothouse.jobs.states import State

NAME = "10.0.0.1-7001-5001"


@pytest.fixture(autouse=True)
def universal_time() -> Iterator[None]:
    """Let 1,700,000,000 s be 22:13:20 everywhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC0")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    made = workspace(tmp_path, "1002")
    made.create()
    return made


async def watch(watcher: FileWatcher, *batches: Sequence[Event], close: bool = True) -> None:
    for batch in batches:
        await watcher.observe(batch)
    if close:
        await watcher.close()


def status(space: Workspace) -> dict[str, Any]:
    path = space.root / "status" / "deploy" / f"{NAME}.json"
    found: dict[str, Any] = json.loads(path.read_text())
    assert "\n" not in path.read_text()
    return found


async def test_a_status_file_step_by_step(space: Workspace) -> None:
    watcher = StatusFiles(space)
    base = {"pid": os.getpid(), "interact": None, "status": "running", "warnCount": 0, "currenOp": None, "opPid": None}
    await watch(watcher, [node_started()], close=False)
    assert status(space) == base
    await watch(watcher, [skipped("op_0"), started("op_1")], close=False)
    assert status(space) == {**base, "op_0": "succeed", "op_1": "running", "currenOp": "op_1"}
    await watch(watcher, [ended("op_1", group=4711), started("op_2")], close=False)
    running = {**base, "op_0": "succeed", "op_1": "succeed", "op_2": "running", "currenOp": "op_2", "opPid": 4711}
    assert status(space) == running
    await watch(watcher, [ended("op_2", State.FAILED, group=4712), node_ended(State.FAILED, warnings=3)])
    assert status(space) == {**running, "op_2": "failed", "opPid": 4712, "status": "failed", "warnCount": 3}


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (State.SUCCEEDED, "succeed"),
        (State.IGNORED, "ignored"),
        (State.ABORTED, "aborted"),
        (State.PAUSED, "paused"),
    ],
)
async def test_documented_words_stand_in_status_files(space: Workspace, state: State, word: str) -> None:
    await watch(StatusFiles(space), [node_started(), started("op_1"), ended("op_1"), node_ended(state)])
    assert status(space)["status"] == word


async def test_a_second_run_starts_the_status_anew(space: Workspace) -> None:
    await watch(StatusFiles(space), [node_started(), started("op_1"), ended("op_1", State.FAILED), node_ended()])
    await watch(StatusFiles(space), [node_started()])
    assert "op_1" not in status(space)


async def test_a_skipped_node_gets_a_status_file_or_has_it_put_right(space: Workspace) -> None:
    await watch(StatusFiles(space), [node_skipped(State.IGNORED)])
    assert status(space)["status"] == "ignored"
    await watch(StatusFiles(space), [node_skipped(State.SUCCEEDED)])
    assert status(space)["status"] == "succeed"


async def test_a_status_file_is_valid_json_whenever_it_is_read(space: Workspace) -> None:
    watcher = StatusFiles(space)
    await watch(watcher, [node_started()], close=False)
    path = space.status("deploy", NODE)
    done = threading.Event()
    reads: list[int] = []
    faults: list[str] = []

    def poll() -> None:
        while not done.is_set():
            text = path.read_text()
            reads.append(len(text))
            try:
                json.loads(text)
            except ValueError:
                faults.append(text)

    poller = threading.Thread(target=poll)
    poller.start()
    try:
        for number in range(300):
            await watch(watcher, [started(f"op_{number}"), ended(f"op_{number}")], close=False)
    finally:
        done.set()
        poller.join()
    assert faults == []
    assert len(reads) > 100
    assert [path.name for path in path.parent.iterdir()] == [f"{NAME}.json"]


async def test_a_node_log_is_the_documented_one(space: Workspace) -> None:
    batch = [
        node_started(),
        started("grp/op_1", help="says hello", command="hello --password ******"),
        lines("hello", "ERROR: not really", at=AT + 1),
        ended("grp/op_1", at=AT + 2),
        node_ended(at=AT + 3),
    ]
    await watch(LogFiles(space, "admin"), batch)
    assert (space.root / "log" / "deploy" / f"{NAME}.txt").read_text() == (
        "22:13:20 ======[5001]10.0.0.1:7001 Launched by ssh://app@10.0.0.1:2200======\n"
        "22:13:20 ------START--[grp/op_1] target execution start...\n"
        "22:13:20 # says hello\n"
        "22:13:20 INFO: Execute -> hello --password ******\n"
        "22:13:21 hello\n"
        "22:13:21 ERROR: not really\n"
        "22:13:22 FINE: Execute operation grp/op_1 success.\n"
        "22:13:22 ------END--[grp/op_1] execution complete, duration: 0.25 second.\n"
        "22:13:22 \n"
        "22:13:23 ======[5001]10.0.0.1:7001 Ended in status:succeed, duration: 2.50 second.======\n"
    )


async def test_every_line_of_a_log_has_its_time(space: Workspace) -> None:
    batch = [
        node_started(),
        started("op_1", command="tool --key 'two\nlines'", help="of\nhelp"),
        lines("", "\u4e2d\u6587", "half \ud800 character"),
        ended("op_1", State.FAILED, code=1, reason="several\nlines"),
        node_ended(State.FAILED, reason="op_1: several\nlines"),
    ]
    await watch(LogFiles(space, "admin"), batch)
    text = (space.root / "log" / "deploy" / f"{NAME}.txt").read_text()
    assert text.endswith("\n")
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in text.removesuffix("\n").split("\n"))
    assert "\u4e2d\u6587" in text


def histories(space: Workspace) -> dict[str, Path]:
    return {path.name: path for path in (space.root / "log" / "deploy" / f"{NAME}.hislog").iterdir()}


async def test_the_history_is_the_same_file_and_gets_its_final_tag(space: Workspace) -> None:
    watcher = LogFiles(space, "a.d/min")
    await watch(watcher, [node_started()], close=False)
    (name, path), *more = histories(space).items()
    assert (name, more) == ("20231114-221320.running.a_d_min.txt", [])
    log = space.log("deploy", NODE)
    assert path.samefile(log)
    await watch(watcher, [lines("x"), node_ended(State.FAILED)])
    (name, path), *more = histories(space).items()
    assert (name, more) == ("20231114-221320.failed.a_d_min.txt", [])
    assert path.samefile(log)


async def test_a_second_run_has_a_log_of_its_own_and_keeps_the_first_as_history(space: Workspace) -> None:
    await watch(LogFiles(space, "admin"), [node_started(), lines("first"), node_ended(State.FAILED)])
    await watch(LogFiles(space, "admin"), [node_started(AT + 60), lines("second"), node_ended(at=AT + 61)])
    found = histories(space)
    assert set(found) == {"20231114-221320.failed.admin.txt", "20231114-221420.succeed.admin.txt"}
    assert "first" in found["20231114-221320.failed.admin.txt"].read_text()
    assert "first" not in space.log("deploy", NODE).read_text()
    assert found["20231114-221420.succeed.admin.txt"].samefile(space.log("deploy", NODE))


async def test_the_history_of_a_killed_engine_is_called_aborted_by_the_next(space: Workspace) -> None:
    killed = LogFiles(space, "admin")
    await watch(killed, [node_started(), lines("lost")], close=False)
    await watch(LogFiles(space, "admin"), [node_started(AT + 60), node_ended(at=AT + 61)])
    found = histories(space)
    assert set(found) == {"20231114-221320.aborted.admin.txt", "20231114-221420.succeed.admin.txt"}
    assert "lost" in found["20231114-221320.aborted.admin.txt"].read_text()
    await killed.close()


async def test_a_history_that_was_deleted_does_not_end_the_other_logs(space: Workspace) -> None:
    other = Node(resource_id=7, host="other")
    watcher = LogFiles(space, "admin")
    await watch(watcher, [node_started(), node_started(node=other)], close=False)
    (gone,) = histories(space).values()
    gone.unlink()
    await watch(watcher, [node_ended()], [lines("still here", node=other), node_ended(node=other)])
    assert "still here" in space.log("deploy", other).read_text()


async def test_a_node_that_never_ended_has_no_running_history(space: Workspace) -> None:
    await watch(LogFiles(space, "admin"), [node_started(), lines("x")])
    assert set(histories(space)) == {"20231114-221320.aborted.admin.txt"}


async def test_logs_of_many_nodes_and_phases_are_apart(space: Workspace) -> None:
    several = [Node(resource_id=number, host=f"h{number}") for number in range(1, 30)]
    batch: list[Event] = [node_started(node=node) for node in several]
    batch += [node_started(node=LOCAL, phase="other")]
    batch += [lines(f"line {number} of {node.host}", node=node) for number in range(20) for node in several]
    await watch(LogFiles(space, "admin"), batch, [node_ended(node=node) for node in several])
    for node in several:
        text = space.log("deploy", node).read_text()
        assert re.findall(r"line \d+ of (\S+)", text) == [node.host] * 20
        assert re.findall(r"line (\d+)", text) == [str(number) for number in range(20)]
    assert "Launched by local" in space.log("other", LOCAL).read_text()


async def test_the_console_is_new_with_fresh_and_appended_without(space: Workspace) -> None:
    await watch(ConsoleLog(space), [job_started(), node_started(), node_ended(), job_ended()])
    first = space.console.read_text()
    assert re.match(r"22:13:20 INFO: Job 1002 run 1 started by admin", first)
    assert first.count("\n") == 4
    await watch(ConsoleLog(space), [job_started(at=AT + 60, fresh=False, run=2), job_ended(AT + 61)])
    assert space.console.read_text().startswith(first)
    assert space.console.read_text().count("\n") == 6
    await watch(ConsoleLog(space), [job_started(at=AT + 120, user="a/b", run=3), job_ended(AT + 121)])
    assert space.console.read_text().count("\n") == 2
    found = {path.name: path for path in (space.root / "log" / "console.hislog").iterdir()}
    assert set(found) == {"20231114-221320.admin.txt", "20231114-221520.a_b.txt"}
    assert found["20231114-221520.a_b.txt"].samefile(space.console)
    assert found["20231114-221320.admin.txt"].read_text().startswith(first)


async def test_the_console_is_echoed_to_who_watches(space: Workspace) -> None:
    said: list[str] = []
    batch = [job_started(), node_ended(State.FAILED, reason="two\nlines"), job_ended()]
    await watch(ConsoleLog(space, said.append), batch)
    assert "".join(said) == space.console.read_text()
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in space.console.read_text().splitlines())


async def test_inputs_add_up_over_operations_and_runs(space: Workspace) -> None:
    one = {"options": {"who": "world", "password": "******"}, "arguments": ["a"]}
    two: dict[str, object] = {"options": {}, "arguments": []}
    watcher = InputFiles(space)
    await watch(watcher, [started("op_1", inputs=one), started("op_2"), started("op_1", node=LOCAL, inputs=two)])
    await watch(InputFiles(space), [started("grp/op_3", inputs=two)])
    path = space.root / "input" / f"{NAME}.json"
    assert json.loads(path.read_text()) == {"op_1": one, "grp/op_3": two}
    assert path.read_text().startswith('{\n    "op_1": {\n        "options"')
    assert json.loads((space.root / "input" / "local-0-0.json").read_text()) == {"op_1": two}


async def test_a_broken_input_record_is_replaced(space: Workspace) -> None:
    path = space.input(NODE)
    path.write_text('{"half')
    await watch(InputFiles(space), [started("op_1", inputs={"options": {}})])
    assert json.loads(path.read_text()) == {"op_1": {"options": {}}}


async def test_no_file_of_a_run_holds_the_nodes_password(space: Workspace) -> None:
    watchers = [StatusFiles(space), LogFiles(space, "admin"), ConsoleLog(space), InputFiles(space)]
    stream = EventStream(watchers)
    for event in [job_started(), node_started(), started("op_1", inputs={"options": {}}), ended("op_1"), node_ended()]:
        stream.publish(event)
    stream.finish()
    await asyncio.wait_for(stream.run(), 30)
    assert stream.failures == []
    files = [path for path in space.root.rglob("*") if path.is_file()]
    assert len(files) == 6
    assert not [path for path in files if b"Pa55" in path.read_bytes()]


async def test_a_disk_that_refuses_ends_the_watcher_and_nothing_else(space: Workspace) -> None:
    (space.root / "status" / "deploy").write_text("a file where the folder should be")
    stream = EventStream([StatusFiles(space), ConsoleLog(space)])
    for event in [job_started(), node_started(), node_ended(), job_ended()]:
        stream.publish(event)
    stream.finish()
    await asyncio.wait_for(stream.run(), 30)
    assert [type(error) for error in stream.failures] == [FileExistsError]
    assert space.console.read_text().count("\n") == 4
