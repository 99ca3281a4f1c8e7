"""What the plain display says about an event: pure, one line each, no control characters."""

from pilothouse.cli.display.bars import phrase
from pilothouse.cli.display.board import Board, asked
from pilothouse.cli.display.failures import UNKNOWN
from pilothouse.cli.display.palette import clean, count, duration, full_name_of, name_of, took
from pilothouse.clock import stamp
from pilothouse.engine import events
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.states import State, Tally


def tell(event: events.Event, board: Board) -> list[str]:
    """Return the lines for an event that the board has just folded; most events have none."""
    match event:
        case events.NodeEnded():
            lines = _node(event, board)
        case events.NodeWaiting():
            lines = _waiting(event, board)
        case _:
            lines = _frame(event)
    time = stamp(event.at, "%H:%M:%S")
    return [f"{time} {line}" for line in lines]


def heartbeat(board: Board, now: float) -> str:
    """Return how the job stands, for a time in which nothing else was said."""
    counts = board.counts
    parts = [f"{counts.done}/{counts.total} done: {phrase(counts)}", f"{duration(board.elapsed(now))} elapsed"]
    if (left := board.left(now)) is not None:
        parts.append(f"about {duration(left)} left")
    if longest := board.longest(1):
        running = longest[0]
        doing = " ".join(filter(None, (running.phase, running.operation)))
        last = f": {running.tail[-1]}" if running.tail else ""
        parts.append(f"longest {name_of(running.node)} in {doing} for {duration(now - running.since)}{last}")
    return f"{stamp(now, '%H:%M:%S')} {'; '.join(parts)}"


def working(board: Board) -> bool:
    """Whether a node is at work, so that silence needs an explanation."""
    return board.counts.at_work > 0 and board.state is None


def how_to_answer(job_id: str, node: Node) -> str:
    """Return the command that answers a node's question."""
    return f"pilothouse job answer {job_id} {node.resource_id} VALUE"


def _waiting(event: events.NodeWaiting, board: Board) -> list[str]:
    place = f"{full_name_of(event.node)} in {event.phase}"
    if event.interact is None:
        return [f"waiting no longer: {place}"]
    return [f"waiting: {place} asks: {asked(event.interact)}", f"  | {how_to_answer(board.job_id, event.node)}"]


def _node(event: events.NodeEnded, board: Board) -> list[str]:
    if event.state is not State.FAILED:
        return []
    place = f"{full_name_of(event.node)} in {event.phase} after {took(event.seconds)}"
    newest = board.failures.newest(1)
    return [f"failed: {place}: {clean(event.reason) or UNKNOWN}", *(f"  | {line}" for line in newest[0].tail)]


def _frame(event: events.Event) -> list[str]:
    match event:
        case events.JobStarted():
            run = f", run {event.run}" if event.run > 1 else ""
            return [f"job {event.job_id} started by {event.user or 'nobody'}: {count(event.total, 'node run')}{run}"]
        case events.PhaseStarted():
            return [f"phase {event.phase} started: {count(event.total, 'node')}, up to {event.parallel} at a time"]
        case events.RoundStarted():
            return [f"phase {event.phase} round {event.round}/{event.rounds}: {count(event.total, 'node')}"]
        case events.PhaseEnded():
            return [f"phase {event.phase} {event.state.value}: {_tally(event.tally)}"]
        case events.Notice():
            return [f"{event.level}: {clean(line)}" for line in event.text.splitlines() if line.strip()]
        case _:
            return []


def _tally(tally: Tally) -> str:
    numbers = {("ok" if name == "succeeded" else name): getattr(tally, name) for name in tally.__struct_fields__}
    return ", ".join(f"{number} {word}" for word, number in numbers.items() if number) or "no nodes"
