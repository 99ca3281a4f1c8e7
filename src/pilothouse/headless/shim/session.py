"""One session from its worker's start to its result: the loop of the shim (headless 10.3, 13)."""

import contextlib
import os
import selectors
import signal
import time
from typing import Any, Final

from pilothouse.headless.shim import cgroup, descendants, launch
from pilothouse.headless.shim.control import Control
from pilothouse.headless.shim.eventlog import EventLog
from pilothouse.headless.shim.jobs import Jobs
from pilothouse.headless.shim.layout import HELD, RESULT, Plan, Result
from pilothouse.headless.shim.notes import write_json
from pilothouse.headless.shim.output import Output

_AGAIN: Final = 0.05  # seconds between two looks at what is still to be killed
_OWED: Final = 1.0  # seconds between two tries to write what the disk refused
_GRACE_MOST: Final = 600.0


class Session:
    """Runs the jobs of a plan; ``folder`` is the spool's, and the current one."""

    def __init__(self, plan: Plan, folder: int, wakeup: int) -> None:
        self._plan = plan
        self._folder = folder
        self._log = EventLog(folder, plan["session"])
        self._jobs = Jobs(len(plan["jobs"]))
        self._selector = selectors.DefaultSelector()
        self._control = Control(self._selector, self._asked)
        self._selector.register(wakeup, selectors.EVENT_READ, lambda: self._reap(wakeup))
        self._worker: launch.Worker | None = None
        self._group: cgroup.Group | None = None
        self._status: int | None = None
        self._end = ""
        self._why = ""
        self._forced_at: float | None = None
        self._deadline = time.monotonic() + (plan["limits"]["runtime"] or float("inf"))
        self._started = time.time()

    def start(self) -> None:
        """Start the worker; raises OSError."""
        limits = self._plan["limits"]
        self._group = cgroup.make(self._plan["session"], limits["memory"], limits["processes"])
        write_json(HELD, launch.held(self._plan, self._group))
        self._worker = launch.start(self._plan, self._folder, self._group)
        self._log.reserve()
        self._log.append("session-state", state="running")
        worker = self._worker
        self._output = Output(self._log, self._jobs, self._plan["limits"], worker.stdout, worker.stderr, worker.channel)
        for each in (worker.channel, worker.stdout, worker.stderr):
            self._selector.register(each, selectors.EVENT_READ, lambda each=each: self._read(each))
        self._tell()

    def run(self) -> None:
        """Stay until the worker and all below it are gone and the result is on the disk."""
        while self._status is None or self._left():
            self._turn()
        self._output.read(self._worker.channel if self._worker else -1)
        self._output.drain()
        self._output.show_progress()
        self._finish()

    def _turn(self) -> None:
        for key, _ in self._selector.select(self._patience()):
            key.data()
        now = time.monotonic()
        if now >= self._deadline and not self._end:
            self._cancel("graceful", "expired", "max_runtime has passed")
        if (self._forced_at is not None and now >= self._forced_at) or self._status is not None:
            descendants.kill(descendants.below(os.getpid()))
            if self._group is not None:
                cgroup.kill(self._group)
        if self._output.wait() == 0:
            self._output.show_progress()
        self._log.complete()
        self._tell()

    def _left(self) -> bool:
        return bool(descendants.below(os.getpid()) or (self._group is not None and cgroup.members(self._group)))

    def _patience(self) -> float | None:
        if self._status is not None or (self._forced_at is not None and time.monotonic() >= self._forced_at):
            return _AGAIN
        until = [self._deadline] if not self._end else []
        until += [self._forced_at] if self._forced_at is not None else []
        waits = [each - time.monotonic() for each in until if each != float("inf")]
        if (progress := self._output.wait()) is not None:
            waits.append(progress)
        if not self._log.complete():
            waits.append(_OWED)
        return max(0.0, min(waits)) if waits else None

    def _read(self, descriptor: int) -> None:
        if not self._output.read(descriptor):
            self._selector.unregister(descriptor)

    def _reap(self, wakeup: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(wakeup, 4096)
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                if self._worker is not None and pid == self._worker.pid:
                    self._status = os.waitstatus_to_exitcode(status)

    def _asked(self, order: dict[str, Any]) -> None:
        mode = order.get("cancel")
        if mode in {"graceful", "force"}:
            end = "expired" if order.get("end") == "expired" else "cancelled"
            self._cancel(str(mode), end, str(order.get("why", ""))[:1000])

    def _cancel(self, mode: str, end: str, why: str) -> None:
        first = not self._end
        if first:
            self._end, self._why = end, why
            self._log.append("info", level="warn", **{"#text": why or f"being {end}"})
            self._log.append("session-state", state="cancelling")
        if mode == "force":
            self._forced_at = time.monotonic()
        elif first:
            self._forced_at = time.monotonic() + min(self._plan["limits"]["grace"], _GRACE_MOST)
            if self._worker is not None and self._status is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._worker.pid, signal.SIGTERM)

    def _tell(self) -> None:
        states = [end["state"] for end in self._jobs.ends]
        state = "cancelling" if self._end else "running"
        self._control.tell({"ev": self._log.last, "state": state, "jobs": states})

    def _finish(self) -> None:
        now = time.time()
        for fields in self._jobs.settle(self._status or 0, self._why if self._end else "", now):
            self._log.append("job-state", **fields)
        state = self._end or self._jobs.session_state()
        duration = round(now - self._started, 3)
        why = {"#text": self._why} if self._why else {}
        self._log.append("session-end", state=state, duration=duration, **self._jobs.counted(), **why)
        result = Result(state=state, reason=self._why, started=self._started, ended=now, jobs=self._jobs.ends)
        # a full disk keeps the session from ending, not the jobs: somebody makes room, then it ends as it did
        while not (self._log.complete() and self._leave(result)):
            time.sleep(_OWED)
        self._log.close()
        self._control.close()
        if self._group is not None:
            cgroup.remove(self._group)

    def _leave(self, result: Result) -> bool:
        if not write_json(RESULT, result, durable=True):
            return False
        try:
            os.fsync(self._folder)
        except OSError:
            return False
        return True
