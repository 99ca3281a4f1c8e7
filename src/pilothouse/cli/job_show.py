"""``pilothouse job show``: where a job stands, phase by phase, and why nodes failed."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

from pilothouse.cli.display.failures import Failure, Failures
from pilothouse.cli.display.hints import USUAL, Hints
from pilothouse.cli.display.palette import DIM, STRONG, STYLES, Line, Marks, clean, count, took
from pilothouse.cli.display.paper import marks_of, put
from pilothouse.cli.display.ranges import named
from pilothouse.cli.display.table import Row, phase_table
from pilothouse.cli.job import hints_of
from pilothouse.cli.job_nodes import KnownNodes, known_nodes
from pilothouse.cli.job_standing import INTERRUPTED, Standing, existing, standing
from pilothouse.clock import stamp
from pilothouse.engine.journal_rows import NodeRow, PhaseRow, RunRow
from pilothouse.errors import ExitCode
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.states import State

_TIME: Final = "%Y-%m-%d %H:%M:%S"
_RUNS: Final = 5
_REASONS: Final = 10
_FAILING: Final = frozenset({State.FAILED.value, State.ABORTED.value})
_OVER: Final = frozenset({State.SUCCEEDED.value, State.COMPLETED.value})
_WORDS: Final = {State.SUCCEEDED.value: "ok"}


def show(chosen: argparse.Namespace) -> int:
    """Print where a job stands."""
    space = existing(chosen)
    found = standing(space)
    if chosen.json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
        return ExitCode.SUCCESS
    nodes = known_nodes(space, found.nodes)
    put(describe(found, nodes, marks_of(sys.stdout), time.time(), hints_of(chosen)), sys.stdout)
    return ExitCode.SUCCESS


def describe(found: Standing, nodes: KnownNodes, marks: Marks, now: float, hints: Hints = USUAL) -> list[Line]:
    """Return a job's standing for a person."""
    return [
        *_title(found, marks, now),
        *_table(found, marks, now),
        *_reasons(found, nodes, marks),
        (),
        *_next(found, nodes, hints),
    ]


def _title(found: Standing, marks: Marks, now: float) -> list[Line]:
    style = STYLES.get(found.state, "bold magenta" if found.state == INTERRUPTED else "")
    engine = f", engine process {found.engine}" if found.engine else ""
    head: Line = (
        (f"{marks.of.get(found.state, marks.of['aborted'])} ", style),
        (f"job {found.job_id} ", STRONG),
        (found.state, style),
        (engine, ""),
    )
    hidden = len(found.runs) - _RUNS
    earlier: list[Line] = [((f"  ... {count(hidden, 'earlier run')}", DIM),)] if hidden > 0 else []
    return [head, *earlier, *(_run(run, found, now) for run in found.runs[-_RUNS:])]


def _run(run: RunRow, found: Standing, now: float) -> Line:
    alive = found.engine is not None and run is found.runs[-1]
    state = run.state if run.ended else State.RUNNING.value if alive else INTERRUPTED
    until = run.ended or (now if alive else None)
    spent = f" in {took(max(0.0, until - run.started))}" if until else ""
    return (
        (f"  run {run.number}  ", DIM),
        (f"{stamp(run.started, _TIME)} by {clean(run.user)}: ", ""),
        (state, STYLES.get(state, "")),
        (spent, ""),
    )


def _table(found: Standing, marks: Marks, now: float) -> list[Line]:
    begun = {phase.phase for phase in found.phases}
    rows = [_row(phase, found, now) for phase in found.phases]
    later = [name for name in found.unreached if name not in begun]
    rows += [(clean(name), State.PENDING.value, "", _unreached(name, found)) for name in later]
    return phase_table(rows, marks) if rows else []


def _row(phase: PhaseRow, found: Standing, now: float) -> Row:
    counts = Counter(node.state for node in found.nodes if node.phase == phase.phase)
    order = [state.value for state in State]
    names = _WORDS if found.engine else {**_WORDS, State.RUNNING.value: INTERRUPTED}
    shown = [f"{counts[state]:,} {names.get(state, state)}" for state in order if counts[state]]
    if phase.phase in found.unreached:
        shown.append(_unreached(phase.phase, found))
    until = phase.ended or (now if found.engine else None)
    spent = took(max(0.0, until - phase.started)) if phase.started and until else ""
    return clean(phase.phase), _phase_state(phase, found), spent, ", ".join(shown) or "no node"


def _unreached(phase: str, found: Standing) -> str:
    return f"{found.unreached[phase]:,} {'waiting' if found.engine else 'never reached'}"


def _phase_state(phase: PhaseRow, found: Standing) -> str:
    return INTERRUPTED if phase.state == State.RUNNING and found.engine is None else phase.state


def _reasons(found: Standing, nodes: KnownNodes, marks: Marks) -> list[Line]:
    lines: list[Line] = []
    for phase in found.phases:
        failing = [row for row in found.nodes if row.phase == phase.phase and row.state in _FAILING]
        lines += _phase_reasons(phase.phase, failing, nodes, marks)
    return [(), *lines] if lines else []


def _phase_reasons(phase: str, failing: Iterable[NodeRow], nodes: KnownNodes, marks: Marks) -> list[Line]:
    rows = {row.resource_id: row for row in failing}
    kinds = Failures(named=len(rows))
    for row in rows.values():
        kinds.add(_failure(row, nodes))
    lines: list[Line] = []
    groups = kinds.by_reason()
    for group in groups[:_REASONS]:
        members = [nodes.title(node.resource_id) for node in group.nodes]
        state = rows[group.nodes[0].resource_id].state
        lines.append(
            (
                (f"{marks.of[state]} ", STYLES[state]),
                (f"{clean(phase)}: {named(members)}: ", STRONG),
                (clean(group.reason), "red"),
            )
        )
    if rest := groups[_REASONS:]:
        total = sum(group.count for group in rest)
        text = f"  {marks.more} and {count(total, 'node')} for {count(len(rest), 'other reason')}; all: --json"
        lines.append(((text, DIM),))
    return lines


def _failure(row: NodeRow, nodes: KnownNodes) -> Failure:
    node = nodes.by_id.get(row.resource_id) or Node(resource_id=row.resource_id, host=row.key)
    return Failure(phase=row.phase, node=node, reason=row.reason, seconds=(row.ended or 0) - row.started, tail=())


def _next(found: Standing, nodes: KnownNodes, hints: Hints) -> list[Line]:
    job = found.job_id
    failing = [row for row in found.nodes if row.state in _FAILING]
    steps: list[tuple[str, str]] = []
    if failing:
        title = nodes.title(failing[0].resource_id)
        node = title if title.isprintable() and " " not in title else str(failing[0].resource_id)
        steps.append(("see why", hints.command("job", "logs", job, node)))
    if found.engine and any(row.state == State.WAITING for row in found.nodes):
        steps.append(("answer", hints.command("job", "answer", job)))
    if found.engine:
        steps.append(("watch", hints.command("job", "follow", job)))
    elif found.state in _OVER:
        steps.append(("outputs", hints.command("job", "outputs", job)))
    else:
        steps.append(("go on", hints.command("job", "retry", job)))
    width = max(len("files"), *(len(label) for label, _ in steps))
    lines: list[Line] = [((f"  {'files':{width}}  ", DIM), (found.folder, ""))]
    return lines + [((f"  {label:{width}}  ", DIM), (command, STRONG)) for label, command in steps]
