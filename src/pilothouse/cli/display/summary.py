"""What a person reads when a job is over: what happened, why nodes failed, and what to type next."""

from collections.abc import Mapping
from typing import Final

from pilothouse.cli.display.bars import phrase, words
from pilothouse.cli.display.board import Board, Phase, Standing
from pilothouse.cli.display.failures import SameReason
from pilothouse.cli.display.hints import USUAL, Hints
from pilothouse.cli.display.palette import (
    DIM,
    FANCY,
    STRONG,
    STYLES,
    Line,
    Marks,
    count,
    name_of,
    took,
)
from pilothouse.cli.display.ranges import named
from pilothouse.cli.display.table import Row, phase_table
from pilothouse.jobs.states import State

_NAMES: Final = 8
_REASONS: Final = 10


def summary(
    board: Board,
    *,
    paths: Mapping[str, str] | None = None,
    hints: Hints = USUAL,
    marks: Marks = FANCY,
) -> list[Line]:
    """Return the final lines for a job.

    ``paths`` are places worth knowing, by label (``{"logs": "/var/lib/..."}``).
    """
    lines = [*_totals(board, marks), *_table(board, marks), *_reasons(board, marks)]
    if paths:
        width = max(map(len, paths))
        lines += [(), *(((f"  {label:{width}}  ", DIM), (path, "")) for label, path in paths.items())]
    return lines + _next(board, hints)


def _totals(board: Board, marks: Marks) -> list[Line]:
    state = board.state.value if board.state else "aborted"
    said = board.state.value if board.state else "stopped before its end"
    style = STYLES.get(state, "")
    time = f" in {took(board.elapsed(board.latest))}"
    warned = f", {count(board.warnings, 'warning')}" if board.warnings else ""
    mark = marks.of.get(state, "")
    title: Line = ((f"{mark} ", style), (f"job {board.job_id} ", STRONG), (said, style), (time + warned, ""))
    return [title, (("  ", ""), *(words(board.counts, marks) or [("nothing to do", DIM)]))]


def _table(board: Board, marks: Marks) -> list[Line]:
    if len(board.phases) <= 1:
        return []
    return phase_table([_row(phase, board.latest) for phase in board.phases.values()], marks)


def _row(phase: Phase, latest: float) -> Row:
    state = phase.state.value if phase.state else "unfinished"
    ended = latest if phase.ended is None else phase.ended
    time = "" if phase.started is None else took(max(0.0, ended - phase.started))
    return phase.name, state, time, phrase(phase.counts)


def _reasons(board: Board, marks: Marks) -> list[Line]:
    groups = board.failures.by_reason()
    if not groups:
        return []
    lines: list[Line] = [()]
    for group in groups[:_REASONS]:
        head = f"{count(group.count, 'node')}: "
        lines.append(
            (
                (f"{marks.of['failed']} ", STYLES["failed"]),
                (head, STRONG),
                (group.reason, "red"),
                (_names(group), ""),
            )
        )
    if rest := groups[_REASONS:]:
        nodes = sum(group.count for group in rest)
        lines.append(((f"  {marks.more} and {count(nodes, 'node')} for {count(len(rest), 'other reason')}", DIM),))
    return lines


def _names(group: SameReason) -> str:
    return f": {named((name_of(node) for node in group.nodes), _NAMES, total=group.count)}"


def _next(board: Board, hints: Hints) -> list[Line]:
    finished = board.state is not None and board.state.finished
    steps = [("see the job", hints.command("job", "show", board.job_id))] if finished else []
    if newest := board.failures.newest(1):
        steps.append(("see why", hints.command("job", "logs", board.job_id, newest[0].node.key)))
    if not finished:
        steps.append((_resuming(board), hints.again or "the same command again"))
    width = max(len(label) for label, _ in steps)
    return [(), *(((f"  {label:{width}}  ", DIM), (command, STRONG)) for label, command in steps)]


def _resuming(board: Board) -> str:
    if board.state is State.PAUSED:
        return "go on"
    return "resume" if board.counts[Standing.SUCCEEDED] or board.counts[Standing.SKIPPED] else "try again"
