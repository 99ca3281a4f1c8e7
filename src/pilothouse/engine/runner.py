"""Runs one job on this machine, from its plan to its end state."""

import asyncio
import os
import resource
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from pilothouse.clock import Clock, SystemClock
from pilothouse.engine.barrier import INTERVAL
from pilothouse.engine.context import Context
from pilothouse.engine.control import Control
from pilothouse.engine.events import EventStream, JobEnded, JobStarted, Notice, Observer, PhaseEnded
from pilothouse.engine.gathering import Parts, context_of
from pilothouse.engine.journal import Journal
from pilothouse.engine.link import ServerLink, Standalone
from pilothouse.engine.phases import GroupRun
from pilothouse.engine.publications import Publisher
from pilothouse.engine.reception import reception
from pilothouse.engine.request import JobResult, Request
from pilothouse.engine.workspace import JobLock, Workspace
from pilothouse.errors import PilothouseError
from pilothouse.jobs.plan import Plan, plan
from pilothouse.jobs.states import FINISHED, State, Tally, job_state
from pilothouse.settings import Settings
from pilothouse.transports.contract import Transport


async def run_job(
    request: Request,
    space: Workspace,
    settings: Settings,
    *,
    transports: Mapping[str, Transport],
    observers: Sequence[Observer] = (),
    control: Control | None = None,
    clock: Clock | None = None,
    link: ServerLink | None = None,
    round_interval: float = INTERVAL,
) -> JobResult:
    """Run a job to its end, or to where it is stopped.

    Nodes and operations that an earlier run brought to success are left alone. Raises JobBusyError when
    another engine works on this job, DocumentError when an operation has nothing to run, JournalError when
    the disk refuses the journal (everything under way is ended then), RefusedError when several runners
    would have to take rounds together and ``link`` leads to no server. ``round_interval`` is the seconds
    between two reports of an ended round.
    """
    planned = plan(request.job, request.node_sets, request.selection)
    link = link or Standalone(settings.data)
    await _check_rounds(request, planned, link)
    space.create()
    lock = JobLock(space)
    lock.acquire()
    try:
        journal = Journal(space.journal)
        await journal.open()
        try:
            stream = EventStream(observers)
            link.attach(stream)
            parts = Parts(
                request=request,
                plan=planned,
                space=space,
                settings=settings,
                journal=journal,
                control=control or Control(),
                clock=clock or SystemClock(),
                stream=stream,
                link=link,
                round_interval=round_interval,
            )
            return await _Runner(parts).run(context_of(parts, transports), observers)
        except BaseExceptionGroup as several:
            raise _first(several) from None
        finally:
            await journal.close()
    finally:
        lock.release()


class _Runner:
    """One run of a job."""

    def __init__(self, parts: Parts) -> None:
        self._request = parts.request
        self._space = parts.space
        self._plan = parts.plan
        self._journal = parts.journal
        self._control = parts.control
        self._clock = parts.clock

    async def run(self, context: Context, observers: Sequence[Observer]) -> JobResult:
        _raise_file_limit()
        stream = context.stream
        for observer in observers:
            if isinstance(observer, Publisher):
                observer.report_to(context.publications)
        started = self._clock.time()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(stream.run())
            try:
                async with reception(context):
                    result = await self._work(context, started)
            finally:
                await context.connections.close()
                stream.finish()
        trouble = tuple(
            f"{type(error).__name__}: {error}" for error in stream.failures if not isinstance(error, BrokenPipeError)
        )
        return msgspec.structs.replace(result, trouble=trouble)

    async def _work(self, context: Context, started: float) -> JobResult:
        result = self._result(await self._groups(context, started), started)
        await self._journal.end_run(self._clock.time(), result.state)
        context.stream.publish(
            JobEnded(
                at=self._clock.time(),
                job_id=result.job_id,
                state=result.state,
                tally=result.tally,
                seconds=result.seconds,
            )
        )
        return result

    async def _groups(self, context: Context, started: float) -> list[PhaseEnded]:
        await self._begin(context, started)
        groups = {group.number: group for group in self._request.job.groups}
        ended: list[PhaseEnded] = []
        for planned in self._plan.groups:
            if ended:
                await self._hear(context)
            if not self._control.feeding:
                break
            ended += await GroupRun(context, groups[planned.number], planned).run()
        await self._hear(context)
        return ended

    async def _hear(self, context: Context) -> None:
        """Let the server say whether a node failed on another runner, which ends the job here too.

        A job that is being stopped waits for nobody.
        """
        if not self._control.stopping:
            await context.link.caught_up()

    async def _begin(self, context: Context, started: float) -> None:
        request = self._request
        last = (await self._journal.runs())[-1:]
        changed = [row for row in last if row.digest != self._plan.digest]
        if any(row.ended is None for row in last):
            await context.outputs.restore(
                {key: node for nodes in context.nodes.values() for key, node in nodes.items()}
            )
        if request.record:
            self._journal.note("request", request.record)
        await self._journal.begin_run(
            started, os.getpid(), request.user, self._plan.digest, msgspec.json.encode(self._plan)
        )
        context.stream.publish(
            JobStarted(
                at=started,
                job_id=request.job.id,
                user=request.user,
                run=self._journal.run,
                total=self._plan.total,
                fresh=request.fresh,
            )
        )
        if changed:
            text = "job, nodes or selection differ from the last run; what succeeded before is left alone all the same"
            context.stream.publish(Notice(at=started, level="INFO", text=text))

    def _result(self, phases: list[PhaseEnded], started: float) -> JobResult:
        planned = {step.phase for group in self._plan.groups for lane in group.lanes for step in lane.steps}
        complete = len(phases) == len(planned) and all(phase.state in FINISHED for phase in phases)
        state = job_state(
            (phase.state for phase in phases),
            aborting=self._control.aborting and not complete,
            pausing=self._control.pausing and not complete,
        )
        if self._control.failed and state is not State.ABORTED:
            state = State.FAILED
        return JobResult(
            job_id=self._request.job.id,
            state=state,
            tally=_sum(phase.tally for phase in phases),
            seconds=self._clock.time() - started,
            folder=self._space.root,
            phases=tuple(phases),
        )


async def _check_rounds(request: Request, planned: Plan, link: ServerLink) -> None:
    """Refuse rounds that other runners take part in when there is no server to hold them together."""
    shared = [group for group in planned.groups if group.shared]
    # exactly this class: one that adds to it may well know how to end rounds
    if shared and type(link) is Standalone and not request.dev_mode:
        await link.round_ended(request.job.id, shared[0].number, "", 0)


def _first(several: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error that ended the run: one that a person can act on, if there is any."""
    error: BaseException = several.subgroup(PilothouseError) or several
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _sum(tallies: Iterable[Tally]) -> Tally:
    names = Tally.__struct_fields__
    rows = list(tallies)
    return Tally(**{name: sum(getattr(row, name) for row in rows) for name in names})


def _raise_file_limit() -> None:
    """Allow as many open files as the system grants: a connection and a log file for each node in flight."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
