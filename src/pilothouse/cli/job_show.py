"""``pilothouse job list`` and ``job show``: where jobs stand, read from their journals."""

import argparse
import asyncio
import sys
from collections import Counter
from typing import Any, Final

import msgspec

from pilothouse.cli.job import settings_of
from pilothouse.clock import stamp
from pilothouse.engine.journal import Journal, NodeRow, OperationRow, PhaseRow, RunRow
from pilothouse.engine.workspace import Workspace, engine_pid, workspace, workspaces
from pilothouse.errors import ExitCode, JobNotFoundError

_TIME: Final = "%Y-%m-%d %H:%M:%S"
_FAILING: Final = frozenset({"failed", "aborted"})
_MOST: Final = 20


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the journal knows of a job."""

    job_id: str
    folder: str
    engine: int | None
    runs: list[RunRow]
    phases: list[PhaseRow]
    nodes: list[NodeRow]
    operations: list[OperationRow]

    @property
    def state(self) -> str:
        """The job's state; a run without an end whose engine is gone was interrupted."""
        last = self.runs[-1].state if self.runs else "pending"
        return "interrupted" if last == "running" and self.engine is None else last


def existing(data_of: argparse.Namespace) -> Workspace:
    """Return the workspace of the job that the arguments name; raises JobNotFoundError."""
    space = workspace(settings_of(data_of).data, data_of.job)
    if not space.journal.is_file():
        raise JobNotFoundError(data_of.job, str(space.root))
    return space


def show(chosen: argparse.Namespace) -> int:
    """Print where a job stands."""
    found = asyncio.run(_standing(existing(chosen)))
    if chosen.json:
        _print_json(found)
    else:
        print("\n".join(describe(found)))
    return ExitCode.SUCCESS


def show_all(chosen: argparse.Namespace) -> int:
    """Print the jobs that ran here, the latest first."""
    spaces = list(workspaces(settings_of(chosen).data))
    rows = [row for row in asyncio.run(_heads(spaces)) if row["started"]]
    rows.sort(key=lambda row: row["started"], reverse=True)
    if chosen.json:
        _print_json(rows)
    elif not rows:
        print("no job has run here yet; start with: pilothouse demo")
    else:
        width = max(len(row["job_id"]) for row in rows)
        for row in rows:
            when = stamp(row["started"], _TIME)
            print(f"{row['job_id']:{width}}  {row['state']:<11}  {when}  runs: {row['runs']}  by {row['user']}")
    return ExitCode.SUCCESS


def describe(found: Standing) -> list[str]:
    """Return a job's standing as lines for a person."""
    lines = [f"job {found.job_id}: {found.state}" + (f", engine process {found.engine}" if found.engine else "")]
    for run in found.runs[-3:]:
        alive = found.engine is not None and run is found.runs[-1]
        end = f" to {stamp(run.ended, '%H:%M:%S')}, {run.state}" if run.ended else ""
        end = end or (", running" if alive else ", interrupted")
        lines.append(f"  run {run.number} by {run.user}: {stamp(run.started, _TIME)}{end}")
    for phase in found.phases:
        counts = Counter(node.state for node in found.nodes if node.phase == phase.phase)
        shown = ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))
        took = f", {phase.ended - phase.started:.1f} s" if phase.ended and phase.started else ""
        lines.append(f"  phase {phase.phase}: {phase.state} ({shown or 'no node'}{took})")
    failing = [node for node in found.nodes if node.state in _FAILING]
    lines += [f"  {node.state}: {node.key} in {node.phase}: {node.reason}" for node in failing[:_MOST]]
    if len(failing) > _MOST:
        lines.append(f"  ... and {len(failing) - _MOST} more; all of them: pilothouse job show {found.job_id} --json")
    lines.append(f"  files: {found.folder}")
    example = failing[0].key if failing else found.nodes[0].key if found.nodes else ""
    lines.append(f"  logs:  pilothouse job logs {found.job_id} {example}".rstrip())
    return lines


async def _standing(space: Workspace) -> Standing:
    journal = Journal(space.journal)
    await journal.open()
    try:
        return Standing(
            job_id=space.job_id,
            folder=str(space.root),
            engine=engine_pid(space),
            runs=await journal.runs(),
            phases=await journal.phase_rows(),
            nodes=await journal.node_rows(),
            operations=await journal.operation_rows(),
        )
    finally:
        await journal.close()


async def _heads(spaces: list[Workspace]) -> list[dict[str, Any]]:
    found = []
    for space in spaces:
        journal = Journal(space.journal)
        await journal.open()
        runs = await journal.runs()
        await journal.close()
        last = runs[-1] if runs else None
        state = last.state if last else "pending"
        if state == "running" and engine_pid(space) is None:
            state = "interrupted"
        found.append(
            {
                "job_id": space.job_id,
                "state": state,
                "started": last.started if last else None,
                "ended": last.ended if last else None,
                "user": last.user if last else "",
                "runs": len(runs),
                "folder": str(space.root),
            }
        )
    return found


def _print_json(value: object) -> None:
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value)) + b"\n")
