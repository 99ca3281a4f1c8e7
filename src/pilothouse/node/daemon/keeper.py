"""The daemon: passes begin when they are due, one of a group at a time, until it is told to end."""

import asyncio
import contextlib
import logging
import os
import random
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from pilothouse.clock import Clock, SystemClock
from pilothouse.errors import PilothouseError
from pilothouse.node.daemon import notify, process, status, stream
from pilothouse.node.daemon.hints import Event, hint
from pilothouse.node.daemon.listener import Hearing, Listener
from pilothouse.node.daemon.notify import Notifier
from pilothouse.node.daemon.plan import Kind, Plan
from pilothouse.node.daemon.schedule import BUSY, Schedule, Why
from pilothouse.node.daemon.status import Last, PassStatus, Running, Status

_log = logging.getLogger("slapos")
_LONG: Final = 5.0  # seconds; a pass that took longer is worth a line
_PARTING: Final = 15.0  # for a pass to take its programs along
_WOKEN: Final = ("software", "instance", "report")
_REASONS: Final[dict[Why, str]] = {
    "start": "",
    "timer": "",
    "signal": "the master has something new",
    "hand": "asked by hand",
}


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the daemon works by, read from the configuration; ``words`` begin every ``slapos`` command."""

    path: str
    computer_id: str
    instance_root: Path
    source: stream.Source
    plan: Plan
    words: tuple[str, ...]


Load = Callable[[], Order]


class Keeper:
    """Keeps one node. ``load`` reads the configuration; it raises PilothouseError, and is asked again at SIGHUP."""

    def __init__(
        self,
        load: Load,
        *,
        clock: Clock | None = None,
        chance: Callable[[], float] = random.random,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._load = load
        self._order = load()
        self._clock = clock or SystemClock()
        self._environ = {name: value for name, value in environ.items() if name not in notify.NAMES}
        self._notifier = Notifier(environ)
        self._schedule = Schedule(self._order.plan, self._clock.monotonic(), chance)
        self._chance = chance
        self._children: dict[str, process.Child] = {}
        self._running: dict[str, Running] = {}
        self._lasts: dict[str, Last] = {}
        self._began = self._clock.time()
        self._hearing = Hearing("off", self._began)
        self._fault = ""
        self._changed = asyncio.Event()
        self._stops = 0

    async def run(self) -> int:
        """Work until SIGTERM or SIGINT; returns the exit code. Raises RefusedError when another daemon is there."""
        with self._signals(), status.alone(self._order.instance_root):
            async with asyncio.TaskGroup() as group:
                beating = group.create_task(self._beat())
                hearing = self._listening(group)
                self._notifier.tell("READY=1")
                source = self._order.source
                while not self._stops:
                    self._begin(group)
                    self._show()
                    await self._until(self._schedule.pause(self._clock.monotonic()))
                    if self._order.source != source or self._order.plan.stream != (hearing is not None):
                        await _cancelled(hearing)
                        source, hearing = self._order.source, self._listening(group)
                await _cancelled(hearing)
                await self._end()
                await _cancelled(beating)
            self._show()
        _log.info("This node is kept no more; its instances run on")
        return 0

    def wake(self, *names: str) -> None:
        """Let passes begin as soon as they can: those that a node's owner waits for, or the ones named."""
        self._schedule.wake(names or _WOKEN)
        self._changed.set()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        calls = {
            signal.SIGTERM: self.stop,
            signal.SIGINT: self.stop,
            signal.SIGHUP: self._reload,
            signal.SIGUSR1: self.wake,
        }
        for number, call in calls.items():
            loop.add_signal_handler(number, call)
        try:
            yield
        finally:
            for number in calls:
                loop.remove_signal_handler(number)

    def stop(self) -> None:
        """End: passes under way may go on for a while; called again, they are ended at once."""
        self._stops += 1
        self._changed.set()

    def _reload(self) -> None:
        try:
            order = self._load()
        except (PilothouseError, OSError) as error:
            self._fault = f"the configuration cannot be used, the one before is in force: {error}"
            _log.error("%s", self._fault)
        else:
            if order.instance_root != self._order.instance_root:
                self._fault = f"instance_root is now {order.instance_root}; restart the daemon for that"
                _log.error("%s", self._fault)
                return
            self._fault = ""
            self._order = order
            self._schedule.replan(order.plan, self._clock.monotonic())
            _log.info("The configuration was read again")
        self._changed.set()

    def _listening(self, group: asyncio.TaskGroup) -> "asyncio.Task[None] | None":
        if not self._order.plan.stream:
            self._heard_of(Hearing("off", self._clock.time()))
            return None
        source = self._order.source
        listener = Listener(
            lambda last_id: stream.events(source, last_id), self._heard, self._heard_of, self._clock, self._chance
        )
        return group.create_task(listener.run())

    def _heard(self, event: Event) -> None:
        found = hint(event, self._order.computer_id)
        if self._schedule.signal(found.names, self._clock.monotonic(), echo=found.echo):
            self._changed.set()

    def _heard_of(self, hearing: Hearing) -> None:
        self._hearing = hearing
        self._schedule.heard = hearing.state == "open"
        if hearing.state == "open":
            _log.info("The master tells of changes at once")
        elif hearing.text:
            _log.info("The master is asked at intervals: %s", hearing.text)
        self._changed.set()

    def _begin(self, group: asyncio.TaskGroup) -> None:
        for kind, why in self._schedule.due(self._clock.monotonic()):
            try:
                child = process.Child((*self._order.words, *_words(kind, self._order.path)), self._environ)
            except OSError as error:
                _log.error("%s cannot be started: %s", kind.name, error)
                self._schedule.began(kind.name, why, self._clock.monotonic())
                self._schedule.ended(kind.name, 1, self._clock.monotonic())
                continue
            self._schedule.began(kind.name, why, self._clock.monotonic())
            self._children[kind.name] = child
            self._running[kind.name] = Running(child.pid, self._clock.time(), why)
            if reason := _REASONS[why]:
                _log.info("%s begins: %s", kind.name, reason)
            group.create_task(self._followed(kind.name, child, self._clock.monotonic()))

    async def _followed(self, name: str, child: process.Child, began: float) -> None:
        code = await child.wait()
        now = self._clock.monotonic()
        running = self._running.pop(name)
        del self._children[name]
        self._schedule.ended(name, code, now)
        before = self._lasts.get(name)
        self._lasts[name] = Last(running.began, self._clock.time(), code, running.why)
        self._tell_end(name, code, before, long=bool(_REASONS[running.why]) or now - began > _LONG)
        self._changed.set()

    def _tell_end(self, name: str, code: int, before: Last | None, *, long: bool) -> None:
        news = code != (before.code if before else 0)
        if code == BUSY:
            _log.debug("%s: %s", name, status.meaning(name, code))
        elif code and (news or long):
            _log.warning("%s ended with %d: %s", name, code, status.meaning(name, code))
        elif news or long:
            _log.info("%s is done", name)

    async def _until(self, seconds: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        self._changed.clear()

    async def _end(self) -> None:
        """Wait for the passes under way, then end them."""
        seconds = self._order.plan.stop_wait + 3 * _PARTING
        self._notifier.tell("STOPPING=1", f"EXTEND_TIMEOUT_USEC={seconds * 1_000_000:.0f}")
        if self._children:
            _log.info("Waiting for: %s", ", ".join(sorted(self._children)))
        until = self._clock.monotonic() + self._order.plan.stop_wait
        await self._ended(until, lambda: self._stops > 1)
        for number, patience in ((signal.SIGTERM, _PARTING), (signal.SIGKILL, _PARTING)):
            for name, child in self._children.items():
                _log.warning("%s is ended by %s", name, number.name)
                child.send(number)
            await self._ended(self._clock.monotonic() + patience, lambda: False)

    async def _ended(self, until: float, over: Callable[[], bool]) -> None:
        while self._children and not over() and (left := until - self._clock.monotonic()) > 0:
            self._show()
            await self._until(left)

    async def _beat(self) -> None:
        while self._notifier.interval:
            self._notifier.tell("WATCHDOG=1")
            await asyncio.sleep(self._notifier.interval)

    def _show(self) -> None:
        now, time = self._clock.monotonic(), self._clock.time()
        passes = {}
        for name, turn in self._schedule.turns.items():
            due = None if turn.running or self._stops else time + max(0.0, self._schedule.at(turn) - now)
            passes[name] = PassStatus(
                interval=int(turn.interval),
                next=due,
                running=self._running.get(name),
                last=self._lasts.get(name),
                failures=turn.failures,
            )
        shown = Status(os.getpid(), self._began, self._order.path, self._hearing, passes, self._fault)
        status.save(self._order.instance_root, shown)


def _words(kind: Kind, path: str) -> Sequence[str]:
    return ("node", *kind.words, "--cfg", path)


async def _cancelled(task: "asyncio.Task[None] | None") -> None:
    if task is not None:
        task.cancel()
        await asyncio.wait([task])
