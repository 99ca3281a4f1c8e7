"""What a person reads when a job is over: what happened, why nodes failed, and what to type next."""

import shlex
from collections.abc import Mapping
from typing import Final

from pilothouse.cli.display.bars import phrase, words
from pilothouse.cli.display.board import Board, Phase, Standing
from pilothouse.cli.display.failures import SameReason
from pilothouse.cli.display.palette import (
    DIM,
    FANCY,
    STRONG,
    STYLES,
    Line,
    Marks,
    cells,
    count,
    name_of,
    pad,
    took,
)
from pilothouse.jobs.states import State

_NAMES: Final = 8
_REASONS: Final = 10
_NAME_WIDTH: Final = 30
_HEADINGS: Final = ("phase", "state", "time", "nodes")


def summary(
    board: Board,
    *,
    paths: Mapping[str, str] | None = None,
    again: str = "",
    further: str = "",
    marks: Marks = FANCY,
) -> list[Line]:
    """Return the final lines for a job.

    ``paths`` are places worth knowing, by label (``{"logs": "/var/lib/..."}``); ``again`` is the command line
    that resumes the job, ``further`` the options that every further command needs to find it.
    """
    lines = [*_totals(board, marks), *_table(board, marks), *_reasons(board, marks)]
    if paths:
        width = max(map(len, paths))
        lines += [(), *(((f"  {label:{width}}  ", DIM), (path, "")) for label, path in paths.items())]
    return lines + _next(board, again, further)


def _totals(board: Board, marks: Marks) -> list[Line]:
    state = board.state.value if board.state else "aborted"
    said = board.state.value if board.state else "stopped before its end"
    style = STYLES.get(state, "")
    time = f" in {took(board.elapsed(board.latest))}"
    warned = f", {count(board.warnings, 'warning')}" if board.warnings else ""
    mark = marks.of.get(state, "")
    title: Line = ((f"{mark} ", style), (f"job {board.job_id} ", STRONG), (said, style), (time + warned, ""))
    return [title, (("  ", ""), *words(board.counts, marks))]


def _table(board: Board, marks: Marks) -> list[Line]:
    if len(board.phases) <= 1:
        return []
    rows = [_row(phase, board.latest) for phase in board.phases.values()]
    widths = [max(cells(row[column]) for row in [_HEADINGS, *rows]) for column in range(3)]
    widths[0] = min(widths[0], _NAME_WIDTH)
    lines: list[Line] = [(), (("    " + _cells(_HEADINGS, widths, marks), DIM),)]
    for phase, row in zip(board.phases.values(), rows, strict=True):
        state = phase.state.value if phase.state else ""
        mark = marks.of.get(state, " ")
        lines.append(((f"  {mark} ", STYLES.get(state, "")), (_cells(row, widths, marks), "")))
    return lines


def _row(phase: Phase, latest: float) -> tuple[str, str, str, str]:
    state = phase.state.value if phase.state else "unfinished"
    ended = latest if phase.ended is None else phase.ended
    time = "" if phase.started is None else took(max(0.0, ended - phase.started))
    return phase.name, state, time, phrase(phase.counts)


def _cells(row: tuple[str, str, str, str], widths: list[int], marks: Marks) -> str:
    name, state = (pad(text, width, marks.more) for text, width in zip(row[:2], widths[:2], strict=True))
    return f"{name}  {state}  {row[2]:>{widths[2]}}  {row[3]}"


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
                (_names(group, marks), ""),
            )
        )
    if rest := groups[_REASONS:]:
        nodes = sum(group.count for group in rest)
        lines.append(((f"  {marks.more} and {count(nodes, 'node')} for {count(len(rest), 'other reason')}", DIM),))
    return lines


def _names(group: SameReason, marks: Marks) -> str:
    named = [name_of(node) for node in group.nodes[:_NAMES]]
    more = f" {marks.more} and {group.count - len(named):,} more" if group.count > len(named) else ""
    return f": {', '.join(named)}{more}"


def _next(board: Board, again: str, further: str) -> list[Line]:
    job = shlex.quote(board.job_id)
    more = f" {further}" if further else ""
    resume = again or "the same command again"
    finished = board.state is not None and board.state.finished
    steps = [("see the job", f"pilothouse job show {job}{more}")] if finished else []
    if newest := board.failures.newest(1):
        steps.append(("see why", f"pilothouse job logs {job} {shlex.quote(newest[0].node.key)}{more}"))
    if not finished:
        steps.append((_resuming(board), resume))
    width = max(len(label) for label, _ in steps)
    return [(), *(((f"  {label:{width}}  ", DIM), (command, STRONG)) for label, command in steps)]


def _resuming(board: Board) -> str:
    if board.state is State.PAUSED:
        return "go on"
    return "resume" if board.counts[Standing.SUCCEEDED] or board.counts[Standing.SKIPPED] else "try again"
