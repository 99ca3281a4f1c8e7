"""One node in one phase: its operations in order, recorded step by step (spec sections 4.5 and 4.6)."""

import asyncio
import os
from typing import Any

import msgspec

from pilothouse.engine.blocks import decide
from pilothouse.engine.context import Context, Place
from pilothouse.engine.events import (
    NodeEnded,
    NodeSkipped,
    NodeStarted,
    OperationEnded,
    OperationSkipped,
    OperationStarted,
)
from pilothouse.engine.journal_rows import OperationMark
from pilothouse.engine.native.attempt import NativeAttempt
from pilothouse.engine.native.table import is_native, is_standing
from pilothouse.engine.nodelog import NodeLog
from pilothouse.engine.operation import Attempt, Outcome, Prepared
from pilothouse.engine.settling import Settling
from pilothouse.errors import PilothouseError
from pilothouse.jobs.course import Step, advance, course
from pilothouse.jobs.document import Operation
from pilothouse.jobs.states import State
from pilothouse.secrets.mask import Masker


class _Done(msgspec.Struct, kw_only=True):
    """An operation that ended and is being recorded; the machine, if it ran on one, has not been told yet."""

    step: Step
    attempt: Attempt | None
    outcome: Outcome
    started: float
    recorded: asyncio.Future[None]

    @property
    def ignored(self) -> bool:
        return self.outcome.state is State.FAILED and self.step.operation.fail_ignore

    @property
    def stops(self) -> bool:
        return self.outcome.state is not State.SUCCEEDED and not self.ignored

    @property
    def state(self) -> State:
        return State.IGNORED if self.ignored else self.outcome.state


class NodeRun:
    """Takes one node through a phase."""

    def __init__(self, context: Context, place: Place, operations: tuple[Operation, ...]) -> None:
        self._context = context
        self._place = place
        self._operations = operations
        masker = Masker()
        access = place.node.access
        self._log = NodeLog(
            context.stream, context.clock, masker, context.settings.encodings, place.phase, place.node, access.charset
        )
        self._log.hide(place.node.password.reveal(), *context.secrets)
        if access.become is not None:
            self._log.hide(access.become.password.reveal())
        self._states: dict[str, State] = {}
        self._reasons: list[str] = []
        self._previous: State | None = None
        self._settling = Settling(operations)
        self._again = context.force or place.rerun

    @property
    def warnings(self) -> int:
        """How many lines of the node's log were warnings or errors."""
        return self._log.warnings

    async def run(self) -> tuple[State, bool]:
        """Run what is left to do; returns the node's state, and whether an earlier run had finished it."""
        context, place = self._context, self._place
        self._again = context.publications.renew(place.phase, place.node) or self._again
        before = context.journal.nodes.get((place.phase, place.node.resource_id), State.PENDING)
        started = context.clock.time()
        if before.finished and not self._again:
            warned = context.journal.warned.get((place.phase, place.node.resource_id), 0)
            context.stream.publish(
                NodeSkipped(at=started, phase=place.phase, node=place.node, state=before, warnings=warned)
            )
            return before, True
        # whatever is done for the node is recorded after this, and awaited
        context.journal.start_node(place.phase, place.node, started)
        context.stream.publish(NodeStarted(at=started, phase=place.phase, node=place.node))
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
        steps = course(self._operations)
        answer: Any = None
        while (step := advance(steps, answer)) is not None:
            if done is not None:
                await self._finish(done)
                done = None
            if self._context.control.stopping:
                state = State.ABORTED if self._context.control.aborting else State.PAUSED
                self._reasons.append(f"{state} before operation {step.key}")
                break
            answer, done = await self._take(step)
            if done is not None:
                self._previous = done.state
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
        await self._settling.close(clean=state is not State.PAUSED)
        return state

    async def _take(self, step: Step) -> tuple[Any, _Done | None]:
        """Return a block's answer, or how an operation ended; neither when there is nothing left to do."""
        if step.operation.block is not None:
            return await self._decide(step)
        return None, None if self._left_alone(step) else await self._run(step)

    def _left_alone(self, step: Step) -> bool:
        """Whether an earlier run brought the step to success, so that it is not repeated."""
        context, place = self._context, self._place
        mark = self._mark(step)
        if mark is None or mark.state is not State.SUCCEEDED or self._again or is_standing(step.operation):
            return False
        self._states[step.key] = self._previous = State.SUCCEEDED
        context.stream.publish(
            OperationSkipped(at=context.clock.time(), phase=place.phase, node=place.node, operation=step.key)
        )
        return True

    async def _decide(self, step: Step) -> tuple[Any, _Done | None]:
        """Return a block's answer; a block that cannot be decided is a failed operation instead."""
        try:
            answer = await decide(self._context, self._place, step, self._log)
        except PilothouseError as error:
            started = self._context.clock.time()
            self._start(step, os.urandom(8).hex(), started, None)
            outcome = Outcome(state=State.FAILED, code=1, reason=self._log.shown(str(error)))
            return None, self._done(step, None, outcome, started)
        if self._mark(step) is not None:
            self._record(step, Outcome(state=State.SUCCEEDED, code=0))  # it failed in an earlier run
        return answer, None

    async def _run(self, step: Step) -> _Done:
        context = self._context
        started = context.clock.time()
        attempt = self._attempt(step)
        if isinstance(attempt, Attempt):
            await self._settling.begin(step.operation)
        token, known = self._token(step)
        self._log.alarm.begin()
        try:
            prepared = await attempt.prepare()
        except (PilothouseError, OSError) as error:
            self._start(step, token, started, None)
            state = State.ABORTED if context.control.aborting else State.FAILED
            outcome = Outcome(state=state, reason=self._log.shown(str(error)))
        else:
            await self._start(step, token, started, prepared)
            outcome = await attempt.run(prepared, token)
            if known and outcome.adopted and outcome.state is State.FAILED:
                token = os.urandom(8).hex()
                await self._start(step, token, started, prepared)
                outcome = await attempt.run(prepared, token)
        await context.questions.answered(self._place.phase, self._place.node.resource_id)
        if outcome.state is State.SUCCEEDED and self._log.alarm.verdict:
            outcome = msgspec.structs.replace(outcome, state=State.FAILED, reason=self._log.alarm.verdict, outputs=None)
        return self._done(step, attempt if isinstance(attempt, Attempt) else None, outcome, started)

    def _attempt(self, step: Step) -> Attempt | NativeAttempt:
        if is_native(step.operation):
            return NativeAttempt(self._context, self._place, step, self._log, self._previous)
        return Attempt(self._context, self._place, step, self._log)

    def _done(self, step: Step, attempt: Attempt | None, outcome: Outcome, started: float) -> _Done:
        """Have the end recorded."""
        self._states[step.key] = outcome.state
        if outcome.reason:
            self._reasons.append(f"{step.key}: {outcome.reason}")
        recorded = self._record(step, outcome)
        return _Done(step=step, attempt=attempt, outcome=outcome, started=started, recorded=recorded)

    def _record(self, step: Step, outcome: Outcome) -> asyncio.Future[None]:
        context, place = self._context, self._place
        return context.journal.end_operation(
            place.phase,
            place.node,
            step.key,
            outcome.state,
            context.clock.time(),
            outcome.code,
            outcome.reason,
            {owner.resource_id: outcome.outputs for owner in context.outputs.owners(place.node)},
        )

    def _mark(self, step: Step) -> OperationMark | None:
        """Return what an earlier run left of the step."""
        return self._context.journal.operations.get((self._place.phase, self._place.node.resource_id, step.key))

    def _token(self, step: Step) -> tuple[str, bool]:
        """Return the attempt's token: the old one when its outcome was never learnt, so that it can be adopted."""
        mark = self._mark(step)
        if mark is not None and mark.open and not self._context.force:
            return mark.token, True
        return os.urandom(8).hex(), False

    def _start(self, step: Step, token: str, started: float, prepared: Prepared | None) -> asyncio.Future[None]:
        context, place, operation = self._context, self._place, step.operation
        recorded = context.journal.start_operation(place.phase, place.node, step.key, token, started)
        context.stream.publish(
            OperationStarted(
                at=started,
                phase=place.phase,
                node=place.node,
                operation=step.key,
                kind=operation.kind.value,
                help=operation.help,
                command=self._log.shown(f"{operation.name} {prepared.line.shown}".rstrip()) if prepared else "",
                inputs=prepared.inputs(self._log.shown) if prepared else {},
            )
        )
        return recorded

    async def _finish(self, done: _Done) -> None:
        """Wait until the end is recorded, show the outputs, tell the machine, tell the observers."""
        context, place, outcome = self._context, self._place, done.outcome
        await done.recorded
        if outcome.outputs is not None or outcome.state is not State.SUCCEEDED:
            await context.outputs.keep(place.node, done.step.key, outcome.outputs)
        if done.attempt is not None:
            await self._settling.ended(done.step.operation, done.attempt, stops=done.stops)
        ended = context.clock.time()
        context.stream.publish(
            OperationEnded(
                at=ended,
                phase=place.phase,
                node=place.node,
                operation=done.step.key,
                state=outcome.state,
                code=outcome.code,
                reason=outcome.reason,
                seconds=ended - done.started,
                fail_ignored=done.ignored,
                group=outcome.group,
            )
        )
