"""What the live display shows at a moment: a pure function from board, size and time to lines."""

from typing import Final

import msgspec

from pilothouse.cli.display.bars import bar, signs, words
from pilothouse.cli.display.board import Board, Phase, Running, Standing
from pilothouse.cli.display.failures import UNKNOWN, Failure
from pilothouse.cli.display.layout import MOST_FAILURES, Layout, divide, shown_of
from pilothouse.cli.display.palette import DIM, STRONG, STYLES, Line, Marks, cells, duration, fit, name_of, pad, speed
from pilothouse.cli.display.wording import how_to_answer

_HEAD: Final = 6
_MOST_QUESTIONS: Final = 3
_NARROW: Final = 50
_SHORTEST_BAR: Final = 8
_LONGEST_BAR: Final = 60


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Where the scene is shown: size in columns and rows, ``now`` in seconds since the epoch."""

    width: int
    height: int
    now: float
    marks: Marks
    colours: bool = True


def scene(board: Board, view: View) -> list[Line]:
    """Return at most ``view.height`` lines of at most ``view.width`` columns each."""
    head = [*_head(board, view), *_asking(board, view)]
    active = board.active()
    over = [phase for phase in board.phases.values() if phase.state is not None]
    rows = divide(
        view.height - len(head),
        active=len(active),
        over=len(over),
        failed=len(board.failures),
        tails=[len(failure.tail) for failure in board.failures.newest(MOST_FAILURES + 1)],
        running=board.counts[Standing.RUNNING],
    )
    lines = [
        *head,
        *_phases([*over[len(over) - rows.over :], *_most_open(active, rows.active)], view),
        *_failures(board, view, rows),
        *_running(board, view, rows.running),
    ]
    return [fit(line, view.width, view.marks.more) for line in lines[: max(0, view.height)]]


def _head(board: Board, view: View) -> list[Line]:
    state = board.state.value if board.state else "running" if board.started is not None else "starting"
    style = STYLES.get(state, STYLES["running"])
    mark = view.marks.of.get(state, view.marks.of["running"])
    facts = [state, duration(board.elapsed(view.now))]
    rate = board.rate(view.now)
    if rate and board.counts.open:
        facts.append(speed(rate))
    if (left := board.left(view.now)) is not None:
        facts.append(f"{view.marks.about}{duration(left)} left")
    if board.run > 1:
        facts.append(f"run {board.run}")
    dot = f" {view.marks.dot} "
    title: Line = ((f"{mark} ", style), (f"job {board.job_id}".rstrip(), STRONG), (dot + dot.join(facts), ""))
    counts = board.counts
    share = f"  {counts.done}/{counts.total}  {counts.done * 100 // max(1, counts.total):3}%"
    size = max(1, view.width - 3 - len(share))
    progress: Line = (("  ", ""), *bar(counts, size, view.marks, colours=view.colours), (share, ""))
    tally: Line = (("  ", ""), *words(counts, view.marks))
    if sum(cells(text) for text, _ in tally) > view.width:
        tally = (("  ", ""), *signs(counts, view.marks))
    return [title, progress, tally]


def _most_open(active: list[Phase], rows: int) -> list[Phase]:
    """Choose the active phases to show when there are too many, and keep their order."""
    chosen = {id(phase) for phase in sorted(active, key=lambda phase: -phase.counts.open)[:rows]}
    return [phase for phase in active if id(phase) in chosen]


def _phases(phases: list[Phase], view: View) -> list[Line]:
    if not phases:
        return []
    names = min(max(cells(phase.name) for phase in phases), max(8, view.width // 4))
    rounds = max(len(_round(phase)) for phase in phases)
    tallies = [signs(phase.counts, view.marks) for phase in phases]
    numbers = [f"{phase.counts.done}/{phase.counts.total}" for phase in phases]
    digits = max(map(len, numbers))
    signs_width = max(sum(cells(text) for text, _ in tally) for tally in tallies)
    size = view.width - names - rounds - digits - signs_width - 12
    lines: list[Line] = [()]
    for phase, tally, number in zip(phases, tallies, numbers, strict=True):
        state = phase.state.value if phase.state else "running"
        line = [
            (f"{view.marks.of.get(state, ' ')} ", STYLES.get(state, "")),
            (pad(phase.name, names, view.marks.more), ""),
        ]
        if rounds:
            line.append((f"  {_round(phase):{rounds}}", DIM))
        if size >= _SHORTEST_BAR and view.width >= _NARROW:
            line.append(("  ", ""))
            line += bar(phase.counts, min(size, _LONGEST_BAR), view.marks, colours=view.colours)
        lines.append((("  ", ""), *line, (f"  {number:>{digits}}  ", ""), *tally))
    return lines


def _round(phase: Phase) -> str:
    return f"round {phase.round}/{phase.rounds}" if phase.rounds > 1 else ""


def _asking(board: Board, view: View) -> list[Line]:
    """Show the questions right below the head: the job stands still until somebody answers."""
    asking = board.asking()
    room = min(_MOST_QUESTIONS, (view.height - _HEAD) // 2)
    if not asking or room < 1:
        return []
    style = STYLES["waiting"]
    lines: list[Line] = [(), ((f"{view.marks.of['waiting']} {len(asking):,} waiting for an answer", style),)]
    for running in asking[:room]:
        lines.append((("  ", ""), (name_of(running.node), STRONG), (f"  {running.question}", style)))
        lines.append(((f"    {how_to_answer(board.job_id, running.node)}", DIM),))
    if len(asking) > room:
        lines.append(((f"  {view.marks.more} and {len(asking) - room:,} more", DIM),))
    return lines


def _failures(board: Board, view: View, rows: Layout) -> list[Line]:
    if not rows.failures:
        return []
    total = len(board.failures)
    shown = board.failures.newest(shown_of(total, rows.failures))
    several = len(board.phases) > 1
    names = _width([name_of(failure.node) for failure in shown], view)
    phases = _width([failure.phase for failure in shown], view) if several else 0
    lines: list[Line] = [(), ((f"{view.marks.of['failed']} {total:,} failed", STYLES["failed"]),)]
    for failure in shown:
        lines += _failure(failure, view, names, phases, rows.tail)
    if total > len(shown) and rows.failures > 1:
        lines.append(((f"  {view.marks.more} and {total - len(shown):,} more", DIM),))
    return lines


def _failure(failure: Failure, view: View, names: int, phases: int, depth: int) -> list[Line]:
    more = view.marks.more
    line = [("  ", ""), (pad(name_of(failure.node), names, more), STRONG)]
    if phases:
        line.append(("  " + pad(failure.phase, phases, more), DIM))
    line.append(("  " + (failure.reason or UNKNOWN), STYLES["failed"].removeprefix("bold ")))
    tail = failure.tail[-depth:] if depth else ()
    return [tuple(line), *(((f"    {view.marks.tail} ", DIM), (text, DIM)) for text in tail)]


def _running(board: Board, view: View, rows: int) -> list[Line]:
    if not rows:
        return []
    total = board.counts[Standing.RUNNING]
    shown = board.longest(rows)
    title = f"{view.marks.of['running']} {total:,} running"
    names = _width([name_of(running.node) for running in shown], view)
    doings = _width([_doing(running, board, view) for running in shown], view)
    times = [duration(max(0.0, view.now - running.since)) for running in shown]
    digits = max(map(len, times), default=0)
    note = f", the {len(shown)} longest" if 1 < len(shown) < total else ", the longest" if len(shown) < total else ""
    lines: list[Line] = [(), ((title, STYLES["running"]), (note, DIM))]
    for running, time in zip(shown, times, strict=True):
        name = pad(name_of(running.node), names, view.marks.more)
        doing = pad(_doing(running, board, view), doings, view.marks.more)
        last = running.tail[-1] if running.tail else ""
        lines.append((("  ", ""), (name, ""), (f"  {doing}", DIM), (f"  {time:>{digits}}  ", ""), (last, DIM)))
    return lines


def _doing(running: Running, board: Board, view: View) -> str:
    """Return phase and operation, the phase only where there are several at work."""
    if len(board.active()) <= 1:
        return running.operation or running.phase
    return f"{running.phase} {view.marks.dot} {running.operation}" if running.operation else running.phase


def _width(texts: list[str], view: View) -> int:
    return min(max(map(cells, texts), default=0), max(8, view.width // 4))
