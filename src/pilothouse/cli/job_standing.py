"""Where jobs stand, read from their journals and locks."""

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from pilothouse.cli.job import settings_of
from pilothouse.engine.journal_rows import NodeRow, OperationRow, PhaseRow, RunRow
from pilothouse.engine.records import Records, records
from pilothouse.engine.workspace import Workspace, engine_pid, workspace, workspaces
from pilothouse.errors import ExitCode, JobNotFoundError, JournalError, UsageError
from pilothouse.jobs.plan import Plan
from pilothouse.jobs.states import FINISHED, State

INTERRUPTED: Final = "interrupted"
UNREADABLE: Final = "unreadable"
_CODES: Final = {
    State.SUCCEEDED: ExitCode.SUCCESS,
    State.COMPLETED: ExitCode.SUCCESS,
    State.FAILED: ExitCode.FAILED,
    State.ABORTED: ExitCode.ABORTED,
}


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """A job in a line of a list; ``started`` and ``ended`` are those of its last run."""

    job_id: str
    state: str
    started: float | None = None
    ended: float | None = None
    user: str = ""
    runs: int = 0
    folder: str = ""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the journal knows of a job; ``engine`` is the process that works on it now.

    ``unreached`` counts, by phase, the nodes of the last run's plan that were never taken up.
    """

    job_id: str
    state: str
    folder: str
    engine: int | None
    runs: list[RunRow]
    phases: list[PhaseRow]
    nodes: list[NodeRow]
    operations: list[OperationRow]
    unreached: dict[str, int] = {}


class Moment(msgspec.Struct, frozen=True):
    """The state of a job's last run, and whether an engine has the job."""

    run: int
    state: str
    alive: bool

    @property
    def over(self) -> bool:
        """Whether nothing more will happen unless somebody runs the job again."""
        return not self.alive


def existing(chosen: argparse.Namespace) -> Workspace:
    """Return the workspace of the job that the arguments name; raises JobNotFoundError, UsageError."""
    space = workspace(settings_of(chosen).data, chosen.job)
    try:
        found = space.journal.is_file()
    except OSError as error:
        raise UsageError(f"the run folder {space.root} cannot be read: {error.strerror}") from None
    if not found:
        raise JobNotFoundError(chosen.job, str(space.root))
    return space


def standing(space: Workspace) -> Standing:
    """Return where a job stands. Raises JournalError."""
    with records(space.journal) as known:
        runs = known.runs()
        nodes = known.nodes()
        return Standing(
            job_id=space.job_id,
            state=_state(runs, alive=engine_pid(space) is not None),
            folder=str(space.root),
            engine=engine_pid(space),
            runs=runs,
            phases=known.phases(),
            nodes=nodes,
            operations=known.operations(),
            unreached=unreached(known.plan(), nodes),
        )


def unreached(plan: Plan | None, nodes: Sequence[NodeRow]) -> dict[str, int]:
    """Return how many nodes each phase of a plan has not taken up, in the plan's order; no phase has none."""
    taken = {(row.phase, row.resource_id) for row in nodes}
    counts = Counter(
        step.phase
        for group in (plan.groups if plan else ())
        for lane in group.lanes
        for step in lane.steps
        for node in step.nodes
        if (step.phase, node) not in taken
    )
    return dict(counts)


def heads(spaces: Iterator[Workspace]) -> Iterator[Head]:
    """Yield the jobs that have run; a journal that cannot be read is a state of its own."""
    for space in spaces:
        try:
            with records(space.journal) as known:
                runs = known.runs()
        except JournalError:
            yield Head(job_id=space.job_id, state=UNREADABLE, folder=str(space.root))
            continue
        if runs:
            yield Head(
                job_id=space.job_id,
                state=_state(runs, alive=engine_pid(space) is not None),
                started=runs[-1].started,
                ended=runs[-1].ended,
                user=runs[-1].user,
                runs=len(runs),
                folder=str(space.root),
            )


def all_spaces(chosen: argparse.Namespace) -> Iterator[Workspace]:
    """Yield every job of the data folder; raises UsageError when the folder cannot be read."""
    data = settings_of(chosen).data
    try:
        next((data / "job").iterdir(), None)
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"the data folder {data} cannot be read: {error.strerror}; name another with --data") from None
    yield from workspaces(data)


def moment(space: Workspace, known: Records) -> Moment:
    """Return how the job stands right now; looks twice where an engine may just be starting or ending."""
    for patience in (0.0, 0.1, 0.3):
        time.sleep(patience)
        alive = engine_pid(space) is not None
        runs = known.runs()
        state = _state(runs, alive=alive)
        if alive or state != INTERRUPTED:
            break
    return Moment(runs[-1].number if runs else 0, state, alive)


def exit_code(state: str, known: Records) -> int:
    """Return the exit code for a job that is over: that of the run that ended so (3 when it is not at its end)."""
    if state != State.FAILED:
        return _CODES.get(State(state), ExitCode.STILL_RUNNING) if state in list(State) else ExitCode.STILL_RUNNING
    plan = known.plan()
    steps = [step for group in plan.groups for lane in group.lanes for step in lane.steps] if plan else []
    planned = {(step.phase, node) for step in steps for node in step.nodes}
    some = any(State(row.state) in FINISHED and (row.phase, row.resource_id) in planned for row in known.nodes())
    return ExitCode.PARTLY_FAILED if some else ExitCode.FAILED


def _state(runs: list[RunRow], *, alive: bool) -> str:
    last = runs[-1].state if runs else State.PENDING.value
    return INTERRUPTED if last == State.RUNNING and not alive else last
