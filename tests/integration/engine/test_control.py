"""Pause, abort and resume of jobs with real processes."""

import asyncio

import pytest
from tests.jobs import Bench, document, group, local_nodes, operation, phase, ssh_nodes
from tests.machine import nap, running, until
from tests.sshd import Sshd

from pilothouse.engine.control import Control
from pilothouse.engine.events import NodeEnded, OperationEnded, OperationSkipped, OperationStarted
from pilothouse.jobs.states import State


@pytest.mark.usefixtures("patient_aborts")
async def test_abort_leaves_nothing_of_the_job_running_and_says_so(bench: Bench, sshd: Sshd) -> None:
    command = nap()
    stubborn = f"(trap '' TERM; {command}) & {command}"
    doc = document(
        "2001",
        group(0, phase("l", operation("here", stubborn, "runner")), phase("t", operation("there", stubborn))),
    )
    control = Control()
    job = asyncio.create_task(bench.run(doc, ssh_nodes(sshd, 2), control=control))
    await until(lambda: len(running(command)) == 6)
    control.abort()
    async with asyncio.timeout(30):
        result = await job
    assert result.state is State.ABORTED
    assert running(command) == []
    ended = bench.recorder.of(NodeEnded)
    assert [event.state for event in ended] == [State.ABORTED] * 3
    assert all("killed" in event.reason for event in ended)
    assert bench.json("2001", "status", "l", "local-0-0.json")["status"] == "aborted"


async def test_abort_does_not_wait_for_a_connection_that_does_not_come(bench: Bench, silent_port: int) -> None:
    node = {"resourceId": 1, "host": "127.0.0.1", "protocol": "ssh", "protocolPort": silent_port}
    doc = document("2002", group(0, phase("p", operation("x", "true"))))
    control = Control()
    job = asyncio.create_task(bench.run(doc, [node], control=control))
    await asyncio.sleep(0.5)
    control.abort()
    async with asyncio.timeout(15):
        assert (await job).state is State.ABORTED


async def test_pause_lets_the_operation_end_and_resume_does_only_the_rest(bench: Bench) -> None:
    doc = document(
        "2003",
        group(
            0,
            phase("p", operation("one", "sleep 0.6"), operation("two", "true")),
            roundCount=0,
        ),
        group(1, phase("later", operation("end", "true", "runner"))),
    )
    control = Control()
    job = asyncio.create_task(bench.run(doc, local_nodes(3), control=control))
    await until(lambda: any(isinstance(event, OperationStarted) for event in bench.recorder.events))
    control.pause()
    assert (await job).state is State.PAUSED
    assert [(event.operation, event.state) for event in bench.recorder.of(OperationEnded)] == [
        ("one_1", State.SUCCEEDED)
    ]
    assert [event.state for event in bench.recorder.of(NodeEnded)] == [State.PAUSED]
    assert bench.json("2003", "status", "p", "127.0.0.1-7001-5001.json")["status"] == "paused"

    assert (await bench.run(doc, local_nodes(3))).state is State.SUCCEEDED
    assert [event.operation for event in bench.recorder.of(OperationSkipped)] == ["one_1"]
    ran = [(event.node.resource_id, event.operation) for event in bench.recorder.of(OperationStarted)]
    assert ran[0] == (5001, "two_1")
    assert len(ran) == 6


async def test_an_operation_that_takes_too_long_is_ended(bench: Bench) -> None:
    import msgspec

    bench.settings = msgspec.structs.replace(bench.settings, operation_timeout=0.5)
    command = nap()
    doc = document("2004", group(0, phase("p", operation("slow", command, "runner"))))
    result = await bench.run(doc)
    assert result.state is State.FAILED
    assert "took longer" in bench.recorder.of(NodeEnded)[0].reason
    assert running(command) == []
