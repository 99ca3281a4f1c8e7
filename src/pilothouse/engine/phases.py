"""Steps and phases: nodes fed up to the step's parallelism, barriers, end states (spec sections 4.2 to 4.6)."""

import asyncio
import contextlib
from collections import defaultdict

import msgspec

from pilothouse.engine.context import Context, Place
from pilothouse.engine.events import GroupStarted, Notice, PhaseEnded, PhaseStarted, RoundStarted
from pilothouse.engine.node import NodeRun
from pilothouse.jobs.document import Group, Phase, Strategy
from pilothouse.jobs.nodes import LOCAL
from pilothouse.jobs.plan import GroupPlan, Lane, Step
from pilothouse.jobs.states import State, phase_state, tally


class _Progress(msgspec.Struct, kw_only=True):
    """How far a phase is, over all its rounds."""

    phase: Phase
    index: int
    total: int
    steps: int
    started: float | None = None
    states: list[State] = []
    skipped: int = 0
    warnings: int = 0
    failed: int = 0
    broken: bool = False
    steps_done: int = 0
    ended: PhaseEnded | None = None


class GroupRun:
    """Takes a group's nodes through its phases, lane by lane side by side."""

    def __init__(self, context: Context, group: Group, planned: GroupPlan) -> None:
        self._context = context
        self._group = group
        self._plan = planned
        steps = [step for lane in planned.lanes for step in lane.steps]
        self._phases = {
            phase.name: _Progress(
                phase=phase,
                index=index,
                total=sum(len(step.nodes) for step in steps if step.phase == phase.name),
                steps=sum(step.phase == phase.name for step in steps),
            )
            for index, phase in enumerate(group.phases, 1)
        }
        self._fallen: set[int] = set()
        self._turns: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._slots = asyncio.Semaphore(context.settings.concurrency)

    async def run(self) -> list[PhaseEnded]:
        """Run the group; returns how each phase that was started ended."""
        context = self._context
        context.stream.publish(
            GroupStarted(at=context.clock.time(), group=self._group.number, strategy=self._group.strategy.value)
        )
        async with asyncio.TaskGroup() as tasks:
            for lane in self._plan.lanes:
                tasks.create_task(self._lane(lane))
        for progress in self._phases.values():
            await self._end(progress)
        if any(progress.failed for progress in self._phases.values()):
            context.control.failed = True
        return [progress.ended for progress in self._phases.values() if progress.ended is not None]

    async def _lane(self, lane: Lane) -> None:
        for step in lane.steps:
            if not self._context.control.feeding:
                return
            await self._step(step)

    async def _step(self, step: Step) -> None:
        progress = self._phases[step.phase]
        if progress.started is None:
            self._start(progress, step)
        if self._group.strategy is Strategy.GRAY_SCALE:
            self._context.stream.publish(
                RoundStarted(
                    at=self._context.clock.time(),
                    phase=step.phase,
                    round=step.round,
                    rounds=step.rounds,
                    total=len(step.nodes),
                )
            )
        await self._nodes(step, progress)
        await self._together(step, progress)
        progress.steps_done += 1
        if progress.steps_done == progress.steps:
            await self._end(progress)

    async def _together(self, step: Step, progress: _Progress) -> None:
        """Wait until the other runners have ended this step too, when the group's rounds are taken together."""
        context = self._context
        if not self._plan.shared or context.facts.dev_mode or not context.control.feeding:
            return
        if not await context.barrier.wait(self._group.number, step.phase, step.round):
            progress.broken = context.control.failed = True

    async def _nodes(self, step: Step, progress: _Progress) -> None:
        """Feed the step's nodes; those admitted finish even when a failure stops the feeding."""
        admitted = asyncio.Semaphore(step.parallel)
        async with asyncio.TaskGroup() as tasks:
            for resource_id in step.nodes:
                if resource_id in self._fallen:
                    continue
                await admitted.acquire()
                if not self._context.control.feeding:
                    return
                tasks.create_task(self._node(resource_id, progress, admitted))

    async def _node(self, resource_id: int, progress: _Progress, admitted: asyncio.Semaphore) -> None:
        context = self._context
        node = context.nodes[progress.phase.name][resource_id]
        place = Place(
            group=self._group.number,
            phase=progress.phase.name,
            index=progress.index,
            node=node,
            rerun=progress.phase.rerun,
        )
        try:
            turn = self._turns[resource_id] if progress.phase.serialize else contextlib.nullcontext()
            async with turn, contextlib.nullcontext() if node is LOCAL else self._slots:
                run = NodeRun(context, place, progress.phase.operations)
                state, skipped = await run.run()
            progress.warnings += run.warnings
            await context.connections.step_done(node)
        finally:
            admitted.release()
        if skipped:
            progress.skipped += 1
        else:
            progress.states.append(state)
        if state is State.FAILED:
            self._count(progress, node.resource_id)

    def _count(self, progress: _Progress, resource_id: int) -> None:
        """Count a failed node; one too many, or the runner itself, keeps further nodes from being started."""
        progress.failed += 1
        if self._group.strategy is Strategy.GRAY_SCALE:
            # the phases of a round build on each other
            self._fallen.add(resource_id)
        phase = progress.phase
        if phase.on_runner or not phase.tolerance.covers(progress.failed, progress.total):
            self._context.control.failed = True

    def _start(self, progress: _Progress, step: Step) -> None:
        context = self._context
        # operations make their questions' pipes there, before the first line of a log is written
        context.space.log(step.phase, LOCAL).parent.mkdir(parents=True, exist_ok=True)
        progress.started = context.clock.time()
        context.journal.set_phase(step.phase, State.RUNNING, progress.started)
        context.stream.publish(
            PhaseStarted(
                at=progress.started,
                group=self._group.number,
                phase=step.phase,
                total=progress.total,
                parallel=step.parallel,
            )
        )
        if progress.total == 0:
            context.stream.publish(
                Notice(
                    at=progress.started,
                    level="WARN",
                    text=f"phase {step.phase} has no node on this runner; nothing to do",
                )
            )

    async def _end(self, progress: _Progress) -> None:
        """Say how a phase ended, once: after its last step, or with the group when it was cut short."""
        if progress.started is None or progress.ended is not None:
            return
        context = self._context
        counts = tally(progress.states, progress.skipped)
        unfinished = counts.ended < progress.total
        aborting = context.control.aborting and (unfinished or counts.aborted > 0)
        state = State.FAILED if progress.broken else phase_state(counts, aborting=aborting, stopping=unfinished)
        ended = context.clock.time()
        progress.ended = PhaseEnded(
            at=ended,
            group=self._group.number,
            phase=progress.phase.name,
            state=state,
            tally=counts,
            warnings=progress.warnings,
        )
        await context.journal.set_phase(progress.phase.name, state, progress.started, ended)
        context.stream.publish(progress.ended)
