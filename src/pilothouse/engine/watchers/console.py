"""The console log of a job: ``log/console.txt`` and its histories (spec section 5.5)."""

from collections.abc import Callable, Sequence
from typing import BinaryIO, Final

from pilothouse.clock import stamp
from pilothouse.engine.events import (
    Event,
    GroupStarted,
    JobEnded,
    JobStarted,
    NodeEnded,
    NodeSkipped,
    NodeStarted,
    NodeWaiting,
    Notice,
    PhaseEnded,
    PhaseStarted,
    RoundStarted,
)
from pilothouse.engine.watchers.files import FileWatcher, plain_name, prefixed
from pilothouse.engine.workspace import Workspace
from pilothouse.jobs.states import FINISHED, legacy_word

_RULE: Final = "-" * 60


class ConsoleLog(FileWatcher):
    """Writes the console log; ``echo`` gets the same text, for a terminal that watches."""

    def __init__(self, space: Workspace, echo: Callable[[str], object] | None = None) -> None:
        super().__init__()
        self._space = space
        self._echo = echo
        self._stream: BinaryIO | None = None

    def write(self, events: Sequence[Event]) -> None:
        """Append the batch."""
        text = []
        for event in events:
            if isinstance(event, JobStarted):
                with self.attempt(self._space.console):
                    self._begin(event)
            prefix = stamp(event.at, "%H:%M:%S ")
            text += prefixed(prefix, console_lines(event))
        if text and self._stream is not None:
            with self.attempt(self._space.console):
                self._stream.write("".join(text).encode("utf-8", "backslashreplace"))
                self._stream.flush()
        if text and self._echo is not None:
            self._echo("".join(text))

    def finish(self) -> None:
        """Close the log."""
        if self._stream is not None:
            with self.attempt(self._space.console):
                self._stream.close()

    def _begin(self, event: JobStarted) -> None:
        path = self._space.console
        if event.fresh:
            path.unlink(missing_ok=True)
        self._stream = path.open("ab")
        if event.fresh:
            histories = path.with_suffix(".hislog")
            histories.mkdir(exist_ok=True)
            history = histories / f"{stamp(event.at, '%Y%m%d-%H%M%S')}.{plain_name(event.user)}.txt"
            history.unlink(missing_ok=True)
            history.hardlink_to(path)


def console_lines(event: Event) -> list[str]:
    """Return what an event adds to the console log."""
    match event:
        case JobStarted():
            return [f"INFO: Job {event.job_id} run {event.run} started by {event.user}, {event.total} node runs."]
        case GroupStarted():
            return [f"INFO: Group {event.group} ({event.strategy}) begin..."]
        case PhaseStarted():
            return [f"INFO: Phase {event.phase} begin, {event.total} nodes, {event.parallel} at a time."]
        case RoundStarted():
            return [f"INFO: Phase {event.phase} round {event.round}/{event.rounds}, {event.total} nodes."]
        case NodeStarted():
            return [f"INFO: Node {event.node.title} in phase {event.phase} begin."]
        case NodeSkipped():
            return [f"INFO: Node {event.node.title} in phase {event.phase} {legacy_word(event.state)} before, skip."]
        case NodeWaiting():
            return [_node_waiting(event)]
        case NodeEnded():
            return [_node_ended(event)]
        case PhaseEnded():
            return [*_phase_ended(event), _RULE]
        case JobEnded():
            level = "FINE" if event.state in FINISHED else "ERROR"
            return [f"{level}: Job {event.job_id} {legacy_word(event.state)}, duration: {event.seconds:.2f} second."]
        case Notice():
            return [f"{event.level}: {event.text}"]
    return []


def _node_waiting(event: NodeWaiting) -> str:
    place = f"Node {event.node.title} in phase {event.phase}"
    if event.interact is None:
        return f"INFO: {place} waits for input no longer."
    return f"INFO: {place} waits for input: {event.interact.get('message') or event.interact.get('title') or ''}"


def _node_ended(event: NodeEnded) -> str:
    level = "FINE" if event.state in FINISHED else "ERROR"
    reason = f": {event.reason}" if event.reason else "."
    return f"{level}: Node {event.node.title} in phase {event.phase} {legacy_word(event.state)}{reason}"


def _phase_ended(event: PhaseEnded) -> list[str]:
    level = "FINE" if event.state in FINISHED else "ERROR"
    t = event.tally
    counts = (
        f"success:{t.succeeded}, fail:{t.failed}, ignore:{t.ignored},"
        f" pause:{t.paused}, abort:{t.aborted}, skip:{t.skipped}"
    )
    return [f"{level}: Phase {event.phase} {legacy_word(event.state)}, {counts}."]
