"""Nodes that may fail without stopping a phase (annex C.1-9)."""

from typing import Any

import pytest
from tests.jobs import Bench, Document, document, group, local_nodes, operation, phase

from pilothouse.engine.events import NodeStarted, PhaseEnded
from pilothouse.jobs.states import State
from pilothouse.transports.fake import FakeTransport, Result

BAD = {5002, 5003}


def _fails(node: Any, _: object) -> Result:
    return Result(code=1 if node.resource_id in BAD else 0)


async def _run(bench: Bench, doc: Document) -> tuple[State, dict[str, list[int]], dict[str, State]]:
    result = await bench.run(doc, local_nodes(6), transports={"local": FakeTransport(default=_fails)})
    started: dict[str, list[int]] = {}
    for event in bench.recorder.of(NodeStarted):
        started.setdefault(event.phase, []).append(event.node.resource_id)
    return result.state, started, {event.phase: event.state for event in bench.recorder.of(PhaseEnded)}


@pytest.mark.parametrize(("allowed", "count"), [(0, 2), (1, 3), (2, 6), ("33%", 3), ("34%", 6), ("100%", 6)])
async def test_failures_within_the_tolerance_stop_the_next_group_only(
    bench: Bench, allowed: object, count: int
) -> None:
    first = group(0, phase("p", operation("work", "true")), roundCount=6, maxFailures=allowed)
    doc = document("3201", first, group(1, phase("later", operation("end", "true"))))
    state, started, states = await _run(bench, doc)
    assert state is State.FAILED
    assert len(started["p"]) == count
    assert states == {"p": State.FAILED}


async def test_a_node_that_failed_takes_no_part_in_the_later_phases_of_its_round(bench: Bench) -> None:
    phases = (phase("a", operation("work", "true"), maxFailures=2), phase("b", operation("more", "true")))
    doc = document("3202", group(0, *phases, execStrategy="grayScale", roundCount=2))
    state, started, states = await _run(bench, doc)
    assert state is State.FAILED
    assert sorted(started["a"]) == [5001, 5002, 5003, 5004, 5005, 5006]
    assert sorted(started["b"]) == [5001, 5004, 5005, 5006]
    assert states["a"] is State.FAILED
