"""The job's socket with real helper processes (spec 4.8; checks 71, 72; D31, D32)."""

import asyncio
import json
import os
import shlex
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.jobs import Bench, Document, document, group, local_nodes, operation, phase
from tests.machine import nap

from pilothouse.engine.control import Control
from pilothouse.engine.events import NodeEnded, Notice, OperationStarted
from pilothouse.engine.jobsocket import send
from pilothouse.engine.stop import Stopped, abort_job, pause_job
from pilothouse.jobs.states import State

CLIENT = Path(__file__).resolve().parents[2] / "socketclient.py"


def client(verb: str, message: object) -> str:
    """Return the shell line of a helper that sends a message."""
    return shlex.join([sys.executable, str(CLIENT), verb, json.dumps(message)])


def runner_job(job_id: str, *scripts: str, **fields: Any) -> Document:
    operations = [operation(f"o{number}", script, "runner") for number, script in enumerate(scripts, 1)]
    return document(job_id, group(0, phase("p", *operations)), **fields)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(15):
        while not condition():
            await asyncio.sleep(0.02)


async def test_variables_reach_the_operations_after(bench: Bench) -> None:
    """check 71"""
    message = {"action": "setEnv", "onlyInProcess": 0, "items": {"COLOUR": "blue", "SIZE": 5}}
    doc = runner_job("4001", client("ask", message), 'echo "$COLOUR $SIZE $1"', environment={"COLOUR": "red"})
    doc["runFlow"][0]["phases"][0]["operations"][1]["arg"] = [{"type": "text", "value": "${COLOUR}"}]
    assert (await bench.run(doc)).state is State.SUCCEEDED
    log = bench.log("4001", "p", "local-0-0")
    assert '{"status":"ok"}' in log
    assert "blue 5 blue" in log


async def test_persisted_variables_outlive_the_engine_and_others_do_not(bench: Bench) -> None:
    kept = {"action": "setEnv", "items": [{"name": "KEPT", "value": "yes"}]}
    passing = {"action": "setEnv", "onlyInProcess": 1, "items": {"PASSING": "no"}}
    fail_once = "test -e again || { touch again; exit 1; }"
    doc = runner_job("4002", client("ask", kept), client("ask", passing), fail_once, 'echo "<$KEPT,$PASSING>"')
    assert (await bench.run(doc)).state is State.FAILED
    assert (await bench.run(doc)).state is State.SUCCEEDED
    assert "<yes,>" in bench.log("4002", "p", "local-0-0")


@pytest.mark.parametrize("items", [{"PATH": "/evil"}, {"no name": "x"}, {"LD_PRELOAD": "x", "FINE": "y"}, "text"])
async def test_variables_that_must_not_be_set_are_refused_whole(bench: Bench, items: object) -> None:
    doc = runner_job("4003", client("ask", {"action": "setEnv", "items": items}), 'echo "<$FINE>"')
    assert (await bench.run(doc)).state is State.SUCCEEDED
    log = bench.log("4003", "p", "local-0-0")
    assert '"status":"failed"' in log
    assert "<>" in log


def lock(action: str = "lock", **fields: Any) -> dict[str, Any]:
    params = {"action": action, "pid": "1", "lockOwner": "1/2", "lockTarget": "workspace", "lockMode": "write"}
    return {"action": "globalLock", "lockParams": {**params, "wait": 1, **fields}}


def replies(log: str) -> list[dict[str, Any]]:
    return [json.loads(line.split(" ", 1)[1]) for line in log.splitlines() if '{"lockId"' in line]


async def test_a_lock_is_re_entrant_keeps_others_out_and_is_free_after_the_job(bench: Bench) -> None:
    """check 72, without a server"""
    again = lock(pid="2", wait=0)
    doc = runner_job("4004", *(client("ask", message) for message in (lock(), lock(), again)))
    assert (await bench.run(doc)).state is State.SUCCEEDED
    first, second, other = replies(bench.log("4004", "p", "local-0-0"))
    assert first == second
    assert first["wait"] == 0
    assert other["lockId"] is None
    assert "job 4004" in other["message"]
    assert (await bench.run(runner_job("4005", client("ask", again)))).state is State.SUCCEEDED
    assert replies(bench.log("4005", "p", "local-0-0"))[0]["lockId"] is not None


async def test_a_client_waits_until_another_job_unlocks(bench: Bench) -> None:
    holder = runner_job("4006", client("ask", lock()), "sleep 1; date +%s.%N > ended")
    waiter = runner_job("4007", client("ask", lock()), "date +%s.%N > began")
    other = Bench(bench.settings)
    holding = asyncio.create_task(bench.run(holder))
    await until(lambda: len(bench.recorder.of(OperationStarted)) == 2)
    assert (await other.run(waiter)).state is State.SUCCEEDED
    assert (await holding).state is State.SUCCEEDED
    ended = (bench.space("4006").root / "ended").read_text()
    began = (bench.space("4007").root / "began").read_text()
    assert float(began) > float(ended)


async def test_the_database_is_nobody_s_business(bench: Bench) -> None:
    query = {"action": "queryCollectDB", "queryParams": {"collection": "x", "condition": {}, "projection": {}}}
    assert (await bench.run(runner_job("4008", client("ask", query)))).state is State.SUCCEEDED
    assert '"result":null,"error":"refused' in bench.log("4008", "p", "local-0-0")


async def test_the_socket_is_private_and_gone_with_the_engine(bench: Bench) -> None:
    script = (
        'test "$AUTOEXEC_JOB_SOCK" = "$AUTOEXEC_WORK_PATH/job$AUTOEXEC_PID.sock" && stat -c %a "$AUTOEXEC_JOB_SOCK"'
    )
    assert (await bench.run(runner_job("4009", script))).state is State.SUCCEEDED
    assert " 600" in bench.log("4009", "p", "local-0-0")
    assert list(bench.space("4009").root.glob("*.sock")) == []


async def test_a_deep_folder_gets_a_short_alias_that_goes_with_it(bench: Bench, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    bench.settings = msgspec.structs.replace(bench.settings, data=deep)
    show = 'echo "at=$AUTOEXEC_JOB_SOCK"; test -S "$AUTOEXEC_WORK_PATH/job$AUTOEXEC_PID.sock"'
    doc = runner_job("4010", show, client("ask", {"action": "setEnv", "items": {"A": "b"}}))
    assert (await bench.run(doc)).state is State.SUCCEEDED
    log = bench.log("4010", "p", "local-0-0")
    assert '{"status":"ok"}' in log
    path = Path(log.split("at=")[1].split("\n")[0])
    assert len(str(path)) < 108
    assert not path.parents[1].exists()
    assert list(bench.space("4010").root.glob("*.sock")) == []


async def test_a_deep_folder_s_job_can_be_paused_too(bench: Bench, tmp_path: Path) -> None:
    bench.settings = msgspec.structs.replace(bench.settings, data=tmp_path / ("d" * 60) / ("e" * 60))
    control = Control()
    running = asyncio.create_task(bench.run(runner_job("4011", "sleep 0.5", "true"), control=control))
    await until(lambda: bench.recorder.of(OperationStarted))
    reply = await asyncio.to_thread(send, bench.space("4011"), os.getpid(), {"action": "pause"}, 5.0)
    assert reply == {"status": "ok", "action": "pause"}
    assert (await running).state is State.PAUSED


async def test_pause_and_abort_are_acknowledged_and_may_come_again(bench: Bench) -> None:
    space = bench.space("4012")
    doc = runner_job("4012", "sleep 0.8", nap())
    running = asyncio.create_task(bench.run(doc))
    await until(lambda: bench.recorder.of(OperationStarted))
    both = await asyncio.gather(*(asyncio.to_thread(pause_job, space) for _ in range(3)))
    assert both == [Stopped.GONE] * 3
    assert (await running).state is State.PAUSED

    bench.recorder.events.clear()
    running = asyncio.create_task(bench.run(doc))
    await until(lambda: bench.recorder.of(OperationStarted))
    assert await asyncio.to_thread(abort_job, space) is Stopped.GONE
    assert (await running).state is State.ABORTED
    assert await asyncio.to_thread(abort_job, space) is Stopped.NOT_RUNNING


async def test_exit_ends_the_listening_and_nothing_else(bench: Bench) -> None:
    late = f"! {client('ask', {'action': 'setEnv', 'items': {}})} 2>/dev/null"
    doc = runner_job("4013", client("send", {"action": "exit"}), "sleep 0.2", late)
    assert (await bench.run(doc)).state is State.SUCCEEDED


@pytest.mark.parametrize(
    "garbage",
    [b"", b"\0" * 100, b"\xff\xfe", b"[]", b"5", b'{"action": 5}', b'{"action": "format"}', b'{"action": "setEnv"}',
     b'{"action": "informNodeWaitInput", "phaseName": "p", "resourceId": 99, "interact": {}}',
     b'{"action": "informNodeWaitInput", "phaseName": "p", "resourceId": "x", "interact": []}',
     b'{"action": "informRoundContinue", "phaseName": 5}', b'{"action": "globalLock", "lockParams": []}',
     b'{"action": "globalLockNotify", "lockId": {}}', b"[" * 8000,
     b'{"action": "setEnv", "items": {"A": "' + b"x" * 9000],
)  # fmt: skip
async def test_garbage_is_refused_and_disturbs_nothing(bench: Bench, garbage: bytes) -> None:
    space = bench.space("4014")
    running = asyncio.create_task(bench.run(runner_job("4014", "sleep 0.4", "true")))
    await until(lambda: bench.recorder.of(OperationStarted))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.bind("")
        sender.settimeout(5)
        sender.sendto(garbage, str(space.root / f"job{os.getpid()}.sock"))
        reply = json.loads(await asyncio.to_thread(sender.recv, 8192))
    assert reply.get("error") or reply.get("message")
    assert (await running).state is State.SUCCEEDED
    assert len([notice for notice in bench.recorder.of(Notice) if "refused a datagram" in notice.text]) == 1
    assert [event.state for event in bench.recorder.of(NodeEnded)] == [State.SUCCEEDED]


async def test_serialized_phases_never_meet_on_a_node(bench: Bench) -> None:
    script = 'mkdir "$AUTOEXEC_WORK_PATH/at-$NODE_NAME" && sleep 0.1; rmdir "$AUTOEXEC_WORK_PATH/at-$NODE_NAME"'
    phases = [phase(name, operation(name, script, "runner_target")) for name in ("a", "b", "c")]
    serialized = document("4015", group(0, *phases, serializeNodes=True))
    assert (await bench.run(serialized, local_nodes(3))).state is State.SUCCEEDED
    assert (await bench.run(document("4016", group(0, *phases)), local_nodes(3))).state is State.FAILED


async def test_parallel_is_how_many_nodes_are_at_work(bench: Bench) -> None:
    script = 'mkdir "now-$NODE_NAME"; ls -d now-* | wc -l >> seen; sleep 0.2; rmdir "now-$NODE_NAME"'
    doc = document("4017", group(0, phase("p", operation("o", script, "runner_target"), parallel=2), roundCount=1))
    assert (await bench.run(doc, local_nodes(6))).state is State.SUCCEEDED
    seen = [int(line) for line in (bench.space("4017").root / "seen").read_text().split()]
    assert max(seen) == 2


async def test_a_nodes_password_is_asked_for_and_in_no_environment_unless_a_tool_says_so(
    bench: Bench, tmp_path: Path
) -> None:
    (node,) = local_nodes(1)
    node |= {"password": "pass-word-of-5001"}
    see = f'printf %s "$AUTOEXEC_NODE" >{tmp_path}/node-$OPERATION_ID'
    asking = {"action": "nodePassword", "phaseName": "p", "resourceId": 5001}
    operations = (
        operation("plain", see, "runner_target"),
        operation("told", see, "runner_target", nodePassword=1),
        operation("asks", f"{client('ask', asking)} >{tmp_path}/reply", "runner_target"),
        operation("strange", client("ask", {**asking, "resourceId": 5002}), "runner_target"),
    )
    doc = document("4020", group(0, phase("p", *operations)))
    assert (await bench.run(doc, [node])).state is State.SUCCEEDED

    def seen(name: str) -> object:
        return json.loads((tmp_path / f"node-{name}_1").read_text("utf-8"))["password"]

    assert (seen("plain"), seen("told")) == ("", "pass-word-of-5001")
    assert json.loads((tmp_path / "reply").read_text("utf-8")) == {"password": "pass-word-of-5001"}
    assert "phase 'p' has no node 5002" in bench.log("4020", "p", "127.0.0.1-7001-5001")
    bench.settings = msgspec.structs.replace(bench.settings, node_password="exported")
    assert (await bench.run(doc, [node], force=True)).state is State.SUCCEEDED
    assert seen("plain") == "pass-word-of-5001"
