"""Gray-scale rounds that several runners take together (spec 4.4; checks 52 and 53; D07, D09)."""

import asyncio
import json
import os
import socket
from typing import Any

import msgspec
import pytest
from tests.integration.engine.test_socket import until
from tests.jobs import Bench, Document, document, group, local_nodes, operation, phase

from pilothouse.engine.control import Control
from pilothouse.engine.events import NodeEnded, NodeStarted, Notice, PhaseEnded
from pilothouse.engine.link import Standalone
from pilothouse.engine.request import JobResult
from pilothouse.engine.runner import run_job
from pilothouse.engine.workspace import Workspace
from pilothouse.errors import RefusedError, TransportError
from pilothouse.jobs.nodes import NodeFile
from pilothouse.jobs.nodes import decode as decode_nodes
from pilothouse.jobs.plan import Selection
from pilothouse.jobs.states import State
from pilothouse.transports.local import LocalTransport

TICK = 0.1


class Server(Standalone):
    """Notes the ended rounds; ``silent`` is for how many calls nobody answers."""

    def __init__(self, silent: int = 0) -> None:
        super().__init__()
        self.calls: list[tuple[str, int]] = []
        self._silent = silent

    async def round_ended(self, job_id: str, group: int, phase: str, round_number: int) -> None:
        self.calls.append((phase, round_number))
        if len(self.calls) <= self._silent:
            raise TransportError("the server is silent")

    def of(self, phase_name: str, round_number: int) -> int:
        return self.calls.count((phase_name, round_number))

    async def reached(self, place: tuple[str, int], number: int) -> None:
        await until(lambda: self.of(*place) >= number)


def rounds_job(job_id: str) -> Document:
    here = phase("here", operation("h", "true", "runner"), execRound="last")
    far = [phase(name, operation(name, "true", "runner_target")) for name in ("a", "b")]
    return document(job_id, group(0, *far, here, execStrategy="grayScale", roundCount=2))


def shared_nodes(runner: int, leads: int) -> NodeFile:
    """Four nodes in file order, of runners 1, 2, 1, 2."""
    header = {"totalCount": 4, "localRunnerId": leads, "jobRunnerIds": [1, 2]}
    targets = [{**node, "runnerId": 1 + index % 2} for index, node in enumerate(local_nodes(4))]
    return decode_nodes("\n".join(map(json.dumps, [header, *targets])), "nodes.json")


def go_on(space: Workspace, phase_name: str, round_number: int) -> None:
    message = {"action": "informRoundContinue", "groupNo": 0, "phaseName": phase_name, "roundNo": round_number}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(json.dumps(message).encode(), str(space.root / f"job{os.getpid()}.sock"))


async def run(
    bench: Bench, job_id: str, server: Standalone | None, *, control: Control | None = None, **fields: Any
) -> JobResult:
    bench.recorder.events.clear()
    leads = fields.pop("leads", 1)
    request = bench.request(rounds_job(job_id), selection=Selection(runner_id=1), **fields)
    request = msgspec.structs.replace(request, nodes=shared_nodes(1, leads))
    return await run_job(
        request,
        bench.space(job_id),
        bench.settings,
        transports={"local": LocalTransport()},
        observers=[bench.recorder],
        control=control,
        link=server,
        round_interval=TICK,
    )


@pytest.mark.parametrize("answer_any", [False, True])
async def test_each_phase_of_each_round_waits_for_the_word_to_go_on(bench: Bench, answer_any: bool) -> None:
    """checks 52 and 53"""
    server = Server()
    space = bench.space("4201")
    running = asyncio.create_task(run(bench, "4201", server))
    for place in (("a", 1), ("b", 1), ("a", 2), ("b", 2), ("here", 2)):
        await server.reached(place, 3)
        assert server.calls[-1] == place
        wrong = [("a", 9), ("nowhere", 0), ("b" if place[0] == "a" else "a", 0)]
        for message in wrong:
            go_on(space, *message)
        await server.reached(place, server.of(*place) + 1)
        assert not running.done()
        go_on(space, place[0], 0 if answer_any else place[1])
    assert (await running).state is State.SUCCEEDED
    started = {event.node.resource_id for event in bench.recorder.of(NodeStarted)}
    assert started == {5001, 5003, 0}
    ended = [event.phase for event in bench.recorder.of(PhaseEnded)]
    assert ended == ["a", "b", "here"]


async def test_phases_on_the_runner_run_only_where_the_header_says(bench: Bench) -> None:
    """check 53"""
    server = Server()
    space = bench.space("4202")
    running = asyncio.create_task(run(bench, "4202", server, leads=2))
    for place in (("a", 1), ("b", 1), ("a", 2), ("b", 2), ("here", 2)):
        await server.reached(place, 1)
        go_on(space, *place)
    assert (await running).state is State.SUCCEEDED
    assert {event.node.resource_id for event in bench.recorder.of(NodeEnded)} == {5001, 5003}


async def test_an_outage_of_the_server_is_outlasted_and_said_once(bench: Bench) -> None:
    server = Server(silent=3)
    control = Control()
    running = asyncio.create_task(run(bench, "4203", server, control=control))
    await until(lambda: server.of("a", 1) >= 5)
    assert len([note for note in bench.recorder.of(Notice) if "cannot be reported" in note.text]) == 1
    control.pause()
    assert (await running).state is State.PAUSED


@pytest.mark.parametrize(("stop", "state"), [("pause", State.PAUSED), ("abort", State.ABORTED)])
async def test_pause_and_abort_end_the_wait(bench: Bench, stop: str, state: State) -> None:
    server, control = Server(), Control()
    running = asyncio.create_task(run(bench, "4204", server, control=control))
    await until(lambda: server.of("a", 1))
    getattr(control, stop)()
    async with asyncio.timeout(30):
        assert (await running).state is state
    server = Server()
    running = asyncio.create_task(run(bench, "4204", server))
    await until(lambda: server.of("a", 1))
    assert not bench.recorder.of(NodeStarted)
    running.cancel()
    await asyncio.wait([running])


async def test_a_wait_that_takes_too_long_fails_the_phase(bench: Bench) -> None:
    """D09"""
    bench.settings = msgspec.structs.replace(bench.settings, operation_timeout=0.5)
    assert (await run(bench, "4205", Server())).state is State.FAILED
    assert [(event.phase, event.state) for event in bench.recorder.of(PhaseEnded)] == [("a", State.FAILED)]
    assert any("no word to go on within" in note.text for note in bench.recorder.of(Notice))


async def test_without_a_server_the_job_is_refused_before_anything_runs(bench: Bench) -> None:
    with pytest.raises(RefusedError, match="control server"):
        await run(bench, "4206", None)
    assert not bench.space("4206").root.exists()


async def test_in_dev_mode_this_runner_s_part_runs_alone(bench: Bench) -> None:
    assert (await run(bench, "4207", None, dev_mode=True)).state is State.SUCCEEDED
    assert {event.node.resource_id for event in bench.recorder.of(NodeEnded)} == {5001, 5003, 0}
