"""``pilothouse job check``: validate everything and print what a run would do."""

import argparse
import json
import sys
from collections import defaultdict

import msgspec

from pilothouse.cli.display.palette import DIM, STRONG, Line, clean, count
from pilothouse.cli.display.paper import put
from pilothouse.cli.display.ranges import named
from pilothouse.cli.job import selection_of, settings_of
from pilothouse.engine.assembly import PROTOCOLS
from pilothouse.engine.preview import Command, Concern, Preview
from pilothouse.engine.programs import find_programs
from pilothouse.engine.request import read_job, read_text
from pilothouse.engine.workspace import workspace
from pilothouse.errors import DocumentError, ExitCode
from pilothouse.jobs.condition_faults import condition_faults
from pilothouse.jobs.nodes import LOCAL, NodeFile
from pilothouse.jobs.oddities import oddities
from pilothouse.jobs.plan import GroupPlan, Plan, Step, plan
from pilothouse.secrets.vault import Vault
from pilothouse.tools.catalog import Catalog


def check(chosen: argparse.Namespace) -> int:
    """Print the plan of a job; raises DocumentError for a document that cannot be used.

    The exit code is that of a failure when the plan holds an operation that cannot run.
    """
    settings = settings_of(chosen)
    job, nodes = read_job(chosen.params, chosen.nodes_file, job_id=chosen.job_id)
    if faults := condition_faults(job):
        raise DocumentError(str(chosen.params), faults)
    space = workspace(settings.data, job.id)
    selection = selection_of(chosen, settings)
    planned = plan(job, nodes, selection)
    beside = chosen.params.absolute().parent
    programs = find_programs(job, Catalog(settings.plugins), None, (beside, space.root), str(chosen.params))
    preview = Preview(job, nodes, selection, planned, programs, Vault(settings.password_key))
    commands = preview.commands()
    odd = oddities(json.loads(read_text(chosen.params)))
    concerns = [*(Concern(where=item.place, text=item.text) for item in odd), *preview.concerns(PROTOCOLS)]
    if chosen.json:
        shown = {**msgspec.to_builtins(planned), "commands": commands, "warnings": concerns}
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(shown)) + b"\n")
    else:
        put(describe(nodes, planned, commands, concerns, settings.concurrency), sys.stdout)
    return ExitCode.FAILED if any(item.problem for item in commands) else ExitCode.SUCCESS


def describe(
    nodes: NodeFile, planned: Plan, commands: list[Command], concerns: list[Concern], concurrency: int
) -> list[Line]:
    """Return the plan as lines for a person; ``concurrency`` is how many nodes are in flight at the most."""
    names = {node.resource_id: node.name or node.host for node in nodes.nodes} | {LOCAL.resource_id: "the runner"}
    numbers = (
        count(len(planned.groups), "group"),
        count(len(nodes.nodes), "node"),
        count(planned.total, "node run"),
    )
    lines: list[Line] = [((f"job {planned.job_id}: ", STRONG), (", ".join(numbers), ""))]
    by_phase: dict[str, list[Command]] = defaultdict(list)
    for command in commands:
        by_phase[command.phase].append(command)
    for group in planned.groups:
        side = "one after another" if len(group.lanes) == 1 else f"{len(group.lanes)} phases side by side"
        lines.append(((f"group {group.number} ", STRONG), (f"({group.strategy}, {side})", DIM)))
        lines += _group(group, names, by_phase, concurrency)
    lines += [(("warning: ", "yellow"), (f"{clean(item.where)}: {clean(item.text)}", "")) for item in concerns]
    return [*lines, _last(sum(1 for item in commands if item.problem))]


def _last(broken: int) -> Line:
    if broken:
        return ((f"{count(broken, 'operation')} cannot run; nothing was started", "red"),)
    return (("nothing was started; to run it: pilothouse job run, with the same arguments", DIM),)


def _group(group: GroupPlan, names: dict[int, str], commands: dict[str, list[Command]], concurrency: int) -> list[Line]:
    lines: list[Line] = []
    shown: set[str] = set()
    for step in (step for lane in group.lanes for step in lane.steps):
        lines.append(((f"  {_step(step, names, concurrency)}", ""),))
        if step.phase not in shown:
            shown.add(step.phase)
            for item in commands[step.phase]:
                lines += _operation(item)
    return lines


def _operation(item: Command) -> list[Line]:
    """Return an operation's kind and id, and its command on a sample node or why it has none."""
    where = f"  on {clean(item.node)}" if item.kind != "runner" else ""
    indent = "  " * (item.depth + 3)
    head: Line = ((f"{indent}{item.kind:<13} ", DIM), (clean(item.operation), ""), (where, DIM))
    if item.problem:
        return [head, ((f"{indent}  cannot run: {clean(item.problem)}", "red"),)]
    return [head, ((f"{indent}  $ ", DIM), (clean(item.command), ""))]


def _step(step: Step, names: dict[int, str], concurrency: int) -> str:
    some = named([names[node] for node in step.nodes])
    turn = f" round {step.round}/{step.rounds}" if step.rounds > 1 else ""
    pace = f", {min(step.parallel, len(step.nodes), concurrency):,} at a time" if len(step.nodes) > 1 else ""
    return f"{step.phase}{turn}: {some or 'no node here'}{pace}"
