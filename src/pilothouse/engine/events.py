"""The one event stream of a job, and the contract of those who watch it.

Status files, log files, the console, progress displays and the server link are observers: small, separate,
and never able to stop the job. A state is in the journal before its event is published.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from pilothouse.jobs.nodes import Node
from pilothouse.jobs.states import State, Tally


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Something that happened; ``at`` is seconds since the epoch."""

    at: float


class JobStarted(Event, frozen=True, kw_only=True):
    """An engine took up the job; ``total`` counts node runs over all phases, ``run`` counts from 1."""

    job_id: str
    user: str
    run: int
    total: int
    fresh: bool


class GroupStarted(Event, frozen=True, kw_only=True):
    """A group's phases begin."""

    group: int
    strategy: str


class PhaseStarted(Event, frozen=True, kw_only=True):
    """A phase begins with ``total`` nodes, ``parallel`` of them at a time at the most."""

    group: int
    phase: str
    total: int
    parallel: int


class RoundStarted(Event, frozen=True, kw_only=True):
    """A gray-scale round (of ``rounds``) reaches a phase."""

    phase: str
    round: int
    rounds: int
    total: int


class NodeStarted(Event, frozen=True, kw_only=True):
    """A node is taken up in a phase."""

    phase: str
    node: Node


class NodeSkipped(Event, frozen=True, kw_only=True):
    """A node needs no work: an earlier run finished it as ``state``, with ``warnings``."""

    phase: str
    node: Node
    state: State
    warnings: int = 0


class NodeWaiting(Event, frozen=True, kw_only=True):
    """A node waits for a person's answer to the question ``interact``; None when it waits no longer.

    The question has the documented members title, opType, message, options, role and pipeFile.
    """

    phase: str
    node: Node
    interact: dict[str, Any] | None


class OperationStarted(Event, frozen=True, kw_only=True):
    """An operation is about to run; ``command`` is its line and ``inputs`` its values, secrets masked."""

    phase: str
    node: Node
    operation: str
    kind: str
    help: str
    command: str
    inputs: dict[str, object] = {}


class OperationSkipped(Event, frozen=True, kw_only=True):
    """An operation succeeded in an earlier run and is not repeated."""

    phase: str
    node: Node
    operation: str


class Lines(Event, frozen=True, kw_only=True):
    """Complete lines of a node's log, masked, without line ends."""

    phase: str
    node: Node
    lines: tuple[str, ...]


class OperationEnded(Event, frozen=True, kw_only=True):
    """An operation ended; ``reason`` is empty on success. ``group`` is its process group on the machine."""

    phase: str
    node: Node
    operation: str
    state: State
    code: int | None
    reason: str
    seconds: float
    fail_ignored: bool = False
    group: int | None = None


class NodeEnded(Event, frozen=True, kw_only=True):
    """A node ended in a phase; ``operations`` are the states of its operations, ``reason`` says why it failed."""

    phase: str
    node: Node
    state: State
    reason: str
    seconds: float
    warnings: int
    operations: dict[str, State]


class PhaseEnded(Event, frozen=True, kw_only=True):
    """A phase ended with these counts."""

    group: int
    phase: str
    state: State
    tally: Tally
    warnings: int


class JobEnded(Event, frozen=True, kw_only=True):
    """The engine is done with the job for now."""

    job_id: str
    state: State
    tally: Tally
    seconds: float


class Notice(Event, frozen=True, kw_only=True):
    """A message for the console: ``level`` is INFO, WARN, ERROR or FINE."""

    level: str
    text: str


class Observer(Protocol):
    """Watches a job. Called with one batch at a time, in order; may await, must not block the loop.

    ``pace`` is how long, in seconds, events may come together before they are handed over as one batch.
    """

    pace: float

    async def observe(self, events: Sequence[Event]) -> None:
        """Take note of the events. An exception ends this observer, never the job."""
        ...

    async def close(self) -> None:
        """Let go of what is held; called once, after the last batch."""
        ...


class EventStream:
    """Hands every event to every observer, each at its own pace, with back-pressure on the slowest."""

    def __init__(self, observers: Sequence[Observer], *, limit: int = 4096) -> None:
        self._lanes = [_Lane(observer, limit) for observer in observers]
        self.failures: list[BaseException] = []

    def publish(self, event: Event) -> None:
        """Hand on an event; never blocks, and never loses one while its observer works."""
        for lane in self._lanes:
            lane.put(event)

    @property
    def behind(self) -> bool:
        """Whether an observer has more events waiting than it should."""
        return any(not lane.room.is_set() for lane in self._lanes)

    async def ready(self) -> None:
        """Wait until no observer lags behind its limit; whoever publishes in bulk awaits this first."""
        for lane in self._lanes:
            await lane.room.wait()

    async def observed(self) -> None:
        """Wait until every event published so far has been observed."""
        for lane in self._lanes:
            lane.hurry.set()
        for lane in self._lanes:
            await lane.idle.wait()

    async def run(self) -> None:
        """Serve the observers until ``finish``; started as one task of the engine's task group."""
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                group.create_task(self._serve(lane))

    def finish(self) -> None:
        """Let ``run`` return once every event published so far has been observed."""
        for lane in self._lanes:
            lane.finish()

    async def _serve(self, lane: "_Lane") -> None:
        try:
            while batch := await lane.take():
                await lane.observer.observe(batch)
            await lane.observer.close()
        except Exception as error:  # noqa: BLE001 - an observer must never stop the job; the engine reports it
            self.failures.append(error)
            lane.drop()


class _Lane:
    """The events that wait for one observer."""

    def __init__(self, observer: Observer, limit: int) -> None:
        self.observer = observer
        self.room = asyncio.Event()
        self.room.set()
        self.idle = asyncio.Event()
        self.idle.set()
        self.hurry = asyncio.Event()
        self._limit = limit
        self._waiting: list[Event] = []
        self._some = asyncio.Event()
        self._finished = False
        self._dropped = False

    def put(self, event: Event) -> None:
        if self._dropped:
            return
        self._waiting.append(event)
        self.idle.clear()
        self._some.set()
        if len(self._waiting) >= self._limit:
            self.room.clear()
            self.hurry.set()

    async def take(self) -> list[Event]:
        if not self._waiting:
            self.idle.set()
        if not self._waiting and not self._finished:
            self._some.clear()
            await self._some.wait()
        if self.observer.pace and not self.hurry.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.observer.pace):
                    await self.hurry.wait()
        if not self._finished:
            self.hurry.clear()
        batch, self._waiting = self._waiting, []
        self.room.set()
        return batch

    def finish(self) -> None:
        self._finished = True
        self._some.set()
        self.hurry.set()

    def drop(self) -> None:
        self._dropped = True
        self._waiting = []
        self.room.set()
        self.idle.set()
