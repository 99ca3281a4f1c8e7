"""Stopping a job: pause, abort, and the failure that keeps further nodes from being started."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from pilothouse.errors import AbortedError, PilothouseError
from pilothouse.transports.contract import Kill, Process

T = TypeVar("T")

_ABORT_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Control:
    """What a job's tasks look at before they go on; signals and commands set it."""

    def __init__(self) -> None:
        self.aborting = False
        self.pausing = False
        self._failed = False
        self._sleepers: set[asyncio.Event] = set()
        self.dump: Callable[[], None] | None = None
        self._processes: set[Process] = set()
        self._waits: set[asyncio.Task[Any]] = set()
        self._kills: dict[Process, asyncio.Task[Kill]] = {}

    @property
    def failed(self) -> bool:
        """Whether a failure keeps further nodes from being started."""
        return self._failed

    @failed.setter
    def failed(self, value: bool) -> None:
        self._failed = value
        self._wake()

    @property
    def stopping(self) -> bool:
        """Whether running nodes must not start a further operation."""
        return self.aborting or self.pausing

    @property
    def feeding(self) -> bool:
        """Whether further nodes may be started."""
        return not (self.stopping or self.failed)

    def pause(self) -> None:
        """Let running operations finish and start no further one."""
        self.pausing = True
        self._wake()

    def abort(self) -> None:
        """End every running operation with its process group, and every wait for a connection."""
        if self.aborting:
            return
        self.aborting = True
        self._wake()
        for wait in self._waits:
            wait.cancel()
        for process in self._processes:
            self._end(process)

    @contextmanager
    def waking(self, event: asyncio.Event) -> Iterator[None]:
        """Set the event as soon as no further node may be started; at once when that is so already."""
        self._sleepers.add(event)
        try:
            self._wake()
            yield
        finally:
            self._sleepers.discard(event)

    def running(self, process: Process) -> None:
        """Take note of a process to be ended by an abort; one that comes too late is ended at once."""
        self._processes.add(process)
        if self.aborting:
            self._end(process)

    def ended(self, process: Process) -> None:
        """Forget a process."""
        self._processes.discard(process)

    async def until_abort(self, work: Coroutine[Any, Any, T]) -> T:
        """Await ``work`` unless the job is aborted; raises AbortedError then."""
        if self.aborting:
            work.close()
            raise AbortedError("the job was aborted")
        task = asyncio.create_task(work)
        self._waits.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if task.cancelled() and current is not None and not current.cancelling():
                raise AbortedError("the job was aborted") from None
            task.cancel()
            raise
        finally:
            self._waits.discard(task)

    def listen(self) -> None:
        """Let TERM, INT and HUP abort the job, USR1 pause it, and QUIT show what its tasks are doing."""
        loop = asyncio.get_running_loop()
        for number in _ABORT_SIGNALS:
            loop.add_signal_handler(number, self.abort)
        # not the loop's: when that closes, it would give the signal its deadly default back (D14)
        signal.signal(signal.SIGUSR1, lambda *_: loop.call_soon_threadsafe(self.pause))
        loop.add_signal_handler(signal.SIGQUIT, self._dump)

    def deafen(self) -> None:
        """Let a pause signal that comes while the process ends do no harm: then nobody handles it (D14)."""
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)

    async def kill_of(self, process: Process) -> Kill | None:
        """Return what the abort achieved for a process; None when it was not about this one."""
        task = self._kills.get(process)
        return await asyncio.shield(task) if task else None

    def _wake(self) -> None:
        if not self.feeding:
            for event in self._sleepers:
                event.set()

    def _dump(self) -> None:
        if self.dump is not None:
            self.dump()

    def _end(self, process: Process) -> None:
        if process not in self._kills:
            self._kills[process] = asyncio.create_task(_aborted(process))


async def _aborted(process: Process) -> Kill:
    """Abort a process; a machine that cannot be asked is unreachable."""
    try:
        return await process.abort()
    except (PilothouseError, OSError):
        return Kill("unreachable", process.group)
