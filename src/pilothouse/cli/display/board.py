"""What a job looks like right now, folded from its events. No I/O and no clock: time comes with the events.

Folding an event takes the same time however many nodes there are. Per node only its standing is kept; output
and failures are bounded.
"""

from collections import deque
from collections.abc import Iterable
from enum import StrEnum
from itertools import islice
from typing import Any, Final

from pilothouse.cli.display.failures import Failure, Failures
from pilothouse.cli.display.palette import clean
from pilothouse.cli.display.rate import Rate
from pilothouse.engine import events
from pilothouse.engine.answers import options_of
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.states import State

TAIL: Final = 3
_LONGEST: Final = 400


class Standing(StrEnum):
    """Where a node stands in a phase, as people count it."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    IGNORED = "ignored"
    FAILED = "failed"
    ABORTED = "aborted"
    PAUSED = "paused"
    SKIPPED = "skipped"


_STANDINGS: Final = {
    State.PENDING: Standing.PENDING,
    State.RUNNING: Standing.RUNNING,
    State.WAITING: Standing.WAITING,
    State.SUCCEEDED: Standing.SUCCEEDED,
    State.IGNORED: Standing.IGNORED,
    State.COMPLETED: Standing.IGNORED,
    State.FAILED: Standing.FAILED,
    State.ABORTED: Standing.ABORTED,
    State.PAUSED: Standing.PAUSED,
}


def asked(interact: dict[str, Any]) -> str:
    """Return a question in one line, with the answers it offers."""
    text = clean(" ".join(str(interact.get("message") or interact.get("title") or "a question").split()))
    options = ", ".join(map(clean, options_of(interact)))
    return f"{text[:_LONGEST]} ({options[:_LONGEST]})" if options else text[:_LONGEST]


class Counts:
    """How many node runs stand where."""

    def __init__(self) -> None:
        self._numbers = dict.fromkeys(Standing, 0)

    def __getitem__(self, standing: Standing) -> int:
        return self._numbers[standing]

    @property
    def total(self) -> int:
        """All node runs."""
        return sum(self._numbers.values())

    @property
    def open(self) -> int:
        """Those that are still to end in this run."""
        return self._numbers[Standing.PENDING] + self.at_work

    @property
    def at_work(self) -> int:
        """Those that run, or wait for a person's answer."""
        return self._numbers[Standing.RUNNING] + self._numbers[Standing.WAITING]

    @property
    def done(self) -> int:
        """Those that ended in this run or an earlier one, in whichever way."""
        return self.total - self.open

    def grow(self, number: int) -> None:
        """Add pending node runs."""
        self._numbers[Standing.PENDING] += number

    def move(self, before: Standing, after: Standing) -> None:
        """Let one node run change its standing."""
        self._numbers[before] -= 1
        self._numbers[after] += 1


class Phase:
    """A phase as seen so far; ``round`` is 0 where there are no rounds, ``state`` is None until it ended."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.group = 0
        self.parallel = 0
        self.round = 0
        self.rounds = 0
        self.started: float | None = None
        self.ended: float | None = None
        self.state: State | None = None
        self.warnings = 0
        self.counts = Counts()
        self.standings: dict[int, Standing] = {}

    @property
    def active(self) -> bool:
        """Whether it has begun and not ended."""
        return self.started is not None and self.state is None


class Running:
    """A node at work in a phase; ``since`` is seconds since the epoch, ``tail`` its last output lines.

    ``question`` is what it asks while it waits for an answer.
    """

    __slots__ = ("node", "operation", "phase", "question", "since", "tail")

    def __init__(self, phase: str, node: Node, since: float) -> None:
        self.phase = phase
        self.node = node
        self.since = since
        self.operation = ""
        self.question = ""
        self.tail: deque[str] = deque(maxlen=TAIL)


class Board:
    """A job's present, kept up to date by ``fold``."""

    def __init__(self) -> None:
        self.job_id = ""
        self.user = ""
        self.run = 0
        self.group = 0
        self.strategy = ""
        self.state: State | None = None
        self.started: float | None = None
        self.ended: float | None = None
        self.latest = 0.0
        self.warnings = 0
        self.counts = Counts()
        self.phases: dict[str, Phase] = {}
        self.failures = Failures()
        self._rate = Rate()
        self._running: dict[tuple[str, int], Running] = {}
        self._announced = 0

    def fold(self, event: events.Event) -> None:
        """Take note of one event."""
        if self.started is None:
            self.started = event.at
        self.latest = max(self.latest, event.at)
        match event:
            case events.Lines():
                self._lines(event)
            case events.OperationStarted():
                if running := self._running.get((event.phase, event.node.resource_id)):
                    running.operation = event.operation
            case events.NodeStarted():
                self._start(event)
            case events.NodeWaiting():
                self._wait(event)
            case events.NodeEnded():
                self._end(event)
            case events.NodeSkipped():
                self._stand(event.phase, event.node, Standing.SKIPPED)
            case _:
                self._fold_frame(event)

    def fold_all(self, batch: Iterable[events.Event]) -> None:
        """Take note of events in order."""
        for event in batch:
            self.fold(event)

    def elapsed(self, now: float) -> float:
        """Return the seconds since the job started, or how long it took."""
        if self.started is None:
            return 0.0
        return max(0.0, (self.ended if self.ended is not None else max(now, self.latest)) - self.started)

    def rate(self, now: float | None = None) -> float:
        """Return node runs ended per second, lately; ``now`` is the time of the newest event unless given."""
        return self._rate.per_second(self.started or 0.0, max(now or 0.0, self.latest))

    def left(self, now: float | None = None) -> float | None:
        """Return the seconds the job may still need, or None while nobody can say."""
        pace = self._rate.pace(self.started or 0.0, max(now or 0.0, self.latest))
        if self.state is not None or not self.counts.open or not pace:
            return None
        return self.counts.open / pace

    def active(self) -> list[Phase]:
        """Return the phases that are being worked on."""
        return [phase for phase in self.phases.values() if phase.active]

    def longest(self, most: int) -> list[Running]:
        """Return the nodes at work, those at it for the longest first."""
        return list(islice((running for running in self._running.values() if not running.question), most))

    def asking(self) -> list[Running]:
        """Return the nodes that wait for an answer, those taken up first before the others."""
        if not self.counts[Standing.WAITING]:
            return []
        return [running for running in self._running.values() if running.question]

    def _fold_frame(self, event: events.Event) -> None:
        match event:
            case events.JobStarted():
                self.job_id, self.user, self.run = event.job_id, event.user, event.run
                self.started = event.at
                self.counts.grow(max(0, event.total - self.counts.total))
            case events.GroupStarted():
                self.group, self.strategy = event.group, event.strategy
            case events.PhaseStarted():
                self._start_phase(event)
            case events.RoundStarted():
                phase = self._phase(event.phase)
                phase.round, phase.rounds = event.round, event.rounds
            case events.PhaseEnded():
                phase = self._phase(event.phase)
                phase.state, phase.ended = event.state, event.at
                phase.warnings = event.warnings
            case events.JobEnded():
                self.state, self.ended = event.state, event.at

    def _phase(self, name: str) -> Phase:
        phase = self.phases.get(name)
        if phase is None:
            phase = self.phases[name] = Phase(name)
        return phase

    def _start_phase(self, event: events.PhaseStarted) -> None:
        phase = self._phase(event.phase)
        phase.group, phase.parallel = event.group, event.parallel
        phase.state = phase.ended = None
        if phase.started is None:
            phase.started = event.at
        self._grow(phase, event.total - phase.counts.total)

    def _grow(self, phase: Phase, number: int) -> None:
        """Announce further node runs; the job's total only grows when the phases outgrow it."""
        if number > 0:
            phase.counts.grow(number)
            self._announced += number
            self.counts.grow(max(0, self._announced - self.counts.total))

    def _stand(self, phase_name: str, node: Node, after: Standing) -> None:
        phase = self._phase(phase_name)
        before = phase.standings.get(node.resource_id)
        if before is None:
            before = Standing.PENDING
            self._grow(phase, 0 if phase.counts[before] else 1)
        phase.standings[node.resource_id] = after
        phase.counts.move(before, after)
        self.counts.move(before, after)
        place = (phase_name, node.resource_id)
        if before is Standing.FAILED:
            self.failures.remove(place)
        if after not in {Standing.RUNNING, Standing.WAITING}:
            self._running.pop(place, None)

    def _start(self, event: events.NodeStarted) -> None:
        self._stand(event.phase, event.node, Standing.RUNNING)
        self._running[event.phase, event.node.resource_id] = Running(event.phase, event.node, event.at)

    def _wait(self, event: events.NodeWaiting) -> None:
        running = self._running.get((event.phase, event.node.resource_id))
        if running is not None:
            self._stand(event.phase, event.node, Standing.RUNNING if event.interact is None else Standing.WAITING)
            running.question = "" if event.interact is None else asked(event.interact)

    def _lines(self, event: events.Lines) -> None:
        if running := self._running.get((event.phase, event.node.resource_id)):
            running.tail.extend(text for line in event.lines[-TAIL:] if (text := clean(line[:_LONGEST])))

    def _end(self, event: events.NodeEnded) -> None:
        running = self._running.get((event.phase, event.node.resource_id))
        after = _STANDINGS[event.state]
        self._stand(event.phase, event.node, after)
        self.warnings += event.warnings
        self._rate.add(event.at)
        if after is Standing.FAILED:
            self.failures.add(
                Failure(
                    phase=event.phase,
                    node=event.node,
                    reason=clean(event.reason[:_LONGEST]),
                    seconds=event.seconds,
                    tail=tuple(running.tail) if running else (),
                )
            )
