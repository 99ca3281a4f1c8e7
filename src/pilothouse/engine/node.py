"""One node in one phase: its operations in order, recorded step by step (spec sections 4.5 and 4.6)."""

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from pilothouse.engine.context import Context, Place
from pilothouse.engine.events import (
    NodeEnded,
    NodeSkipped,
    NodeStarted,
    OperationEnded,
    OperationSkipped,
    OperationStarted,
)
from pilothouse.engine.nodelog import NodeLog
from pilothouse.engine.operation import Attempt, Outcome, Prepared
from pilothouse.errors import PilothouseError
from pilothouse.jobs.document import Kind, Operation
from pilothouse.jobs.states import State
from pilothouse.secrets.mask import Masker


@dataclass(slots=True, kw_only=True)
class _Done:
    """An operation that ended and is being recorded; the machine has not been told yet."""

    operation: Operation
    attempt: Attempt
    outcome: Outcome
    started: float
    recorded: asyncio.Future[None]

    @property
    def ignored(self) -> bool:
        return self.outcome.state is State.FAILED and self.operation.fail_ignore

    @property
    def stops(self) -> bool:
        return self.outcome.state is not State.SUCCEEDED and not self.ignored


class NodeRun:
    """Takes one node through a phase."""

    def __init__(self, context: Context, place: Place, operations: tuple[Operation, ...]) -> None:
        self._context = context
        self._place = place
        self._operations = operations
        masker = Masker()
        self._log = NodeLog(context.stream, context.clock, masker, context.settings.encodings, place.phase, place.node)
        self._log.hide(place.node.password.reveal(), *context.secrets)
        self._states: dict[str, State] = {}
        self._reasons: list[str] = []
        self._again = context.force or place.rerun

    @property
    def warnings(self) -> int:
        """How many lines of the node's log were warnings or errors."""
        return self._log.warnings

    async def run(self) -> tuple[State, bool]:
        """Run what is left to do; returns the node's state, and whether an earlier run had finished it."""
        context, place = self._context, self._place
        before = context.journal.nodes.get((place.phase, place.node.resource_id), State.PENDING)
        started = context.clock.time()
        if before.finished and not self._again:
            context.stream.publish(NodeSkipped(at=started, phase=place.phase, node=place.node, state=before))
            return before, True
        recorded = context.journal.start_node(place.phase, place.node, started)
        context.stream.publish(NodeStarted(at=started, phase=place.phase, node=place.node))
        await recorded
        state = await self._operate()
        ended = context.clock.time()
        context.stream.publish(
            NodeEnded(
                at=ended,
                phase=place.phase,
                node=place.node,
                state=state,
                reason="; ".join(self._reasons),
                seconds=ended - started,
                warnings=self._log.warnings,
                operations=self._states,
            )
        )
        return state, False

    async def _operate(self) -> State:
        """Run the operations; the last one's end and the node's end are recorded in one go."""
        done: _Done | None = None
        ignored = False
        state = State.SUCCEEDED
        for operation in self._left():
            if done is not None:
                await self._finish(done)
                done = None
            if self._context.control.stopping:
                state = State.ABORTED if self._context.control.aborting else State.PAUSED
                self._reasons.append(f"{state} before operation {operation.id}")
                break
            done = await self._run(operation)
            ignored = ignored or done.ignored
            if done.stops:
                state = done.outcome.state
                break
        if state is State.SUCCEEDED and ignored:
            state = State.IGNORED
        await self._context.journal.end_node(
            self._place.phase,
            self._place.node,
            state,
            self._context.clock.time(),
            self._log.warnings,
            "; ".join(self._reasons),
        )
        if done is not None:
            await self._finish(done)
        return state

    def _left(self) -> Iterator[Operation]:
        """Yield the operations that no earlier run brought to success."""
        context, place = self._context, self._place
        for operation in self._operations:
            mark = context.journal.operations.get((place.phase, place.node.resource_id, operation.id))
            if mark is not None and mark.state is State.SUCCEEDED and not self._again:
                self._states[operation.id] = State.SUCCEEDED
                context.stream.publish(
                    OperationSkipped(
                        at=context.clock.time(), phase=place.phase, node=place.node, operation=operation.id
                    )
                )
            else:
                yield operation

    async def _run(self, operation: Operation) -> _Done:
        context, place = self._context, self._place
        started = context.clock.time()
        attempt = Attempt(context, place, operation, self._log)
        token, known = self._token(operation)
        try:
            prepared = await attempt.prepare()
        except (PilothouseError, OSError) as error:
            self._start(operation, token, started, None)
            outcome = Outcome(state=State.FAILED, reason=self._log.shown(str(error)))
        else:
            await self._start(operation, token, started, prepared)
            outcome = await attempt.run(prepared, token)
            if known and outcome.adopted and outcome.state is State.FAILED:
                token = secrets.token_hex(8)
                await self._start(operation, token, started, prepared)
                outcome = await attempt.run(prepared, token)
        self._states[operation.id] = outcome.state
        if outcome.reason:
            self._reasons.append(f"{operation.id}: {outcome.reason}")
        recorded = context.journal.end_operation(
            place.phase,
            place.node,
            operation.id,
            outcome.state,
            context.clock.time(),
            outcome.code,
            outcome.reason,
            {owner.resource_id: outcome.outputs for owner in context.outputs.owners(place.node)},
        )
        return _Done(operation=operation, attempt=attempt, outcome=outcome, started=started, recorded=recorded)

    def _token(self, operation: Operation) -> tuple[str, bool]:
        """Return the attempt's token: the old one when its outcome was never learnt, so that it can be adopted."""
        mark = self._context.journal.operations.get((self._place.phase, self._place.node.resource_id, operation.id))
        if mark is not None and mark.open and not self._context.force:
            return mark.token, True
        return secrets.token_hex(8), False

    def _start(
        self, operation: Operation, token: str, started: float, prepared: Prepared | None
    ) -> asyncio.Future[None]:
        context, place = self._context, self._place
        recorded = context.journal.start_operation(place.phase, place.node, operation.id, token, started)
        context.stream.publish(
            OperationStarted(
                at=started,
                phase=place.phase,
                node=place.node,
                operation=operation.id,
                kind=operation.kind.value,
                help=operation.help,
                command=self._log.shown(f"{operation.name} {prepared.line.shown}".rstrip()) if prepared else "",
                inputs=prepared.inputs(self._log.shown) if prepared else {},
            )
        )
        return recorded

    def _last_on_machine(self, done: _Done) -> bool:
        """Whether no later operation of the phase needs the folder on the machine of this one."""
        later = self._operations[self._operations.index(done.operation) + 1 :]
        side = done.operation.kind is Kind.TARGET
        return done.stops or all((operation.kind is Kind.TARGET) is not side for operation in later)

    async def _finish(self, done: _Done) -> None:
        """Wait until the end is recorded, show the outputs, tell the machine, tell the observers."""
        context, place, outcome = self._context, self._place, done.outcome
        await done.recorded
        if outcome.outputs is not None or outcome.state is not State.SUCCEEDED:
            await context.outputs.keep(place.node, done.operation.id, outcome.outputs)
        await done.attempt.settle(clean=self._last_on_machine(done))
        ended = context.clock.time()
        context.stream.publish(
            OperationEnded(
                at=ended,
                phase=place.phase,
                node=place.node,
                operation=done.operation.id,
                state=outcome.state,
                code=outcome.code,
                reason=outcome.reason,
                seconds=ended - done.started,
                fail_ignored=done.ignored,
                group=outcome.group,
            )
        )
