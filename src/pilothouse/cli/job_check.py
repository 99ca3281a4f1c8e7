"""``pilothouse job check``: validate everything and print what a run would do."""

import argparse
import sys

import msgspec

from pilothouse.cli.job import selection_of, settings_of
from pilothouse.engine.programs import find_programs
from pilothouse.engine.request import read_job
from pilothouse.engine.workspace import workspace
from pilothouse.errors import ExitCode
from pilothouse.jobs.document import Job, each
from pilothouse.jobs.nodes import LOCAL, NodeFile
from pilothouse.jobs.plan import GroupPlan, Plan, Step, plan
from pilothouse.tools.catalog import Catalog

_FEW = 6


def check(chosen: argparse.Namespace) -> int:
    """Print the plan of a job; raises DocumentError for what cannot run."""
    settings = settings_of(chosen)
    job, nodes = read_job(chosen.params, chosen.nodes_file, job_id=chosen.job_id)
    space = workspace(settings.data, job.id)
    planned = plan(job, nodes, selection_of(chosen, settings))
    beside = chosen.params.absolute().parent
    find_programs(job, Catalog(settings.plugins), None, (beside, space.root), str(chosen.params))
    if chosen.json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(planned)) + b"\n")
    else:
        print("\n".join(describe(job, nodes, planned)))
    return ExitCode.SUCCESS


def describe(job: Job, nodes: NodeFile, planned: Plan) -> list[str]:
    """Return the plan as lines for a person."""
    names = {node.resource_id: node.name or node.host for node in nodes.nodes} | {LOCAL.resource_id: "the runner"}
    lines = [f"job {job.id}: {len(planned.groups)} groups, {len(nodes.nodes)} nodes, {planned.total} node runs"]
    for group in planned.groups:
        side = "one after another" if len(group.lanes) == 1 else f"{len(group.lanes)} phases side by side"
        lines.append(f"group {group.number} ({group.strategy}, {side})")
        lines += _group(job, group, names)
    lines.append("nothing was started; to run it: pilothouse job run, with the same arguments")
    return lines


def _group(job: Job, group: GroupPlan, names: dict[int, str]) -> list[str]:
    phases = {phase.name: phase for item in job.groups for phase in item.phases}
    lines = []
    shown: set[str] = set()
    for step in (step for lane in group.lanes for step in lane.steps):
        lines.append(f"  {_step(step, names)}")
        if step.phase not in shown:
            shown.add(step.phase)
            lines += [
                f"      {item.kind:<13} {item.name}  ({item.id})" for _, item in each(phases[step.phase].operations)
            ]
    return lines


def _step(step: Step, names: dict[int, str]) -> str:
    some = ", ".join(names[node] for node in step.nodes[:_FEW])
    more = f" and {len(step.nodes) - _FEW} more" if len(step.nodes) > _FEW else ""
    turn = f" round {step.round}/{step.rounds}" if step.rounds > 1 else ""
    pace = f", {min(step.parallel, len(step.nodes))} at a time" if len(step.nodes) > 1 else ""
    return f"{step.phase}{turn}: {some or 'no node here'}{more}{pace}"
