"""Nodes, events and observers for the tests of this room."""

import asyncio
from collections.abc import Sequence
from typing import Any

from pilothouse.engine.events import (
    Event,
    JobEnded,
    JobStarted,
    Lines,
    NodeEnded,
    NodeSkipped,
    NodeStarted,
    OperationEnded,
    OperationSkipped,
    OperationStarted,
)
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.secret import Secret
from pilothouse.jobs.states import State, Tally

AT = 1_700_000_000.0
NODE = Node(
    resource_id=5001,
    host="10.0.0.1",
    port=7001,
    name="web",
    type="host",
    protocol_port=2200,
    username="app",
    password=Secret("Pa55.word!"),
    runner_id=1,
    attributes={"nodeId": 9},
)


def job_started(*, at: float = AT, fresh: bool = True, user: str = "admin", run: int = 1) -> JobStarted:
    return JobStarted(at=at, job_id="1002", user=user, run=run, total=2, fresh=fresh)


def job_ended(at: float = AT) -> JobEnded:
    return JobEnded(at=at, job_id="1002", state=State.SUCCEEDED, tally=Tally(succeeded=2), seconds=1.5)


def node_started(at: float = AT, node: Node = NODE, phase: str = "deploy") -> NodeStarted:
    return NodeStarted(at=at, phase=phase, node=node)


def node_ended(
    state: State = State.SUCCEEDED, at: float = AT, node: Node = NODE, warnings: int = 0, reason: str = ""
) -> NodeEnded:
    return NodeEnded(
        at=at, phase="deploy", node=node, state=state, reason=reason, seconds=2.5, warnings=warnings, operations={}
    )


def node_skipped(state: State = State.SUCCEEDED, node: Node = NODE) -> NodeSkipped:
    return NodeSkipped(at=AT, phase="deploy", node=node, state=state)


def started(operation: str, node: Node = NODE, **fields: Any) -> OperationStarted:
    values: dict[str, Any] = {"at": AT, "phase": "deploy", "kind": "target", "help": "", "command": "tool --a b"}
    return OperationStarted(operation=operation, node=node, **{**values, **fields})


def skipped(operation: str) -> OperationSkipped:
    return OperationSkipped(at=AT, phase="deploy", node=NODE, operation=operation)


def ended(operation: str, state: State = State.SUCCEEDED, **fields: Any) -> OperationEnded:
    values: dict[str, Any] = {"at": AT, "phase": "deploy", "node": NODE, "code": 0, "reason": "", "seconds": 0.25}
    return OperationEnded(operation=operation, state=state, **{**values, **fields})


def lines(*texts: str, at: float = AT, node: Node = NODE) -> Lines:
    return Lines(at=at, phase="deploy", node=node, lines=texts)


class Recorder:
    """Keeps what it observes; waits at ``gate`` before each batch, fails when told to."""

    pace = 0.0

    def __init__(self, error: BaseException | None = None) -> None:
        self.batches: list[list[Event]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.closed = 0
        self._error = error

    @property
    def events(self) -> list[Event]:
        return [event for batch in self.batches for event in batch]

    async def observe(self, events: Sequence[Event]) -> None:
        await self.gate.wait()
        if self._error is not None:
            raise self._error
        self.batches.append(list(events))

    async def close(self) -> None:
        self.closed += 1
