"""Runs the promises of a partition: who is due, a few at once, and none for longer than it may (node spec 13.11)."""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import time
from collections import deque
from contextlib import suppress
from math import ceil
from typing import Any

from pilothouse.checks import result, schedule
from pilothouse.checks.result import Result
from pilothouse.node.promising import child, discovery, files, processes
from pilothouse.node.promising.discovery import Found
from pilothouse.node.promising.files import Files
from pilothouse.node.promising.job import Job
from pilothouse.node.promising.running import Running

_TICK = 0.05  # seconds: the unit of the execution times in result files
_NO_ANSWER = "Error: No output returned by the promise"
_GRACE = 1.0  # seconds from the request to end to the end


class Runner:
    """One run. What is found goes through ``channel``, a JSON document a line; its end ends the run."""

    def __init__(self, job: Job, channel: socket.socket) -> None:
        self._job = job
        self._channel = channel
        self._files = Files(job.partition)
        self._running: dict[int, Running] = {}
        self._selector = selectors.DefaultSelector()
        self._skipped = 0
        self._banged = False
        self._abandoned = False

    def run(self) -> None:
        """Run all promises that are due. Raises OSError when the folders of the partition cannot be used."""
        promises, bad = discovery.found(self._job.partition)
        discovery.tidy(self._job.partition)
        self._files.prepare([promise.name for promise in promises])
        for path in bad:
            self._say("WARNING", f"Bad promise file at {path!r}.")
        waiting = deque(promise for promise in promises if self._is_due(promise))
        wake, self._wake_end = os.pipe()
        os.set_blocking(self._wake_end, False)
        signal.set_wakeup_fd(self._wake_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._selector.register(wake, selectors.EVENT_READ, lambda: os.read(wake, 4096))
        self._selector.register(self._channel, selectors.EVENT_READ, self._hang_up)
        while (waiting or self._running) and not self._abandoned:
            while waiting and len(self._running) < self._job.concurrency:
                self._start(waiting.popleft())
            self._wait()
            self._reap()
            self._hurry()
        self._clean()
        self._tell({"event": "end", "skipped": self._skipped, "total": len(promises)})

    def _is_due(self, promise: Found) -> bool:
        card = schedule.read(files.load(self._files.cache(promise.title)))
        if card is not None and not os.path.exists(card.module_file):
            card = None
        turn = schedule.turn(card, anomaly=self._job.anomaly, forced=self._job.forced, now=time.time())
        if turn == schedule.DUE:
            return True
        self._skipped += 1
        before = self._before(promise)
        if turn == schedule.LATER and before is not None and before.failed:
            self._found(promise, before, fresh=False)
        return False

    def _before(self, promise: Found) -> Result | None:
        document = files.load(self._files.result(promise.title))
        return result.read(document.get("result")) if isinstance(document, dict) else None

    def _start(self, promise: Found) -> None:
        self._say("INFO", f"Checking promise {promise.name}...")
        try:
            pid, answer, output = child.start(promise, self._job)
        except OSError as error:  # no process is to be had
            self._say("ERROR", f"{promise.name} cannot be started: {error.strerror}")
            self._settle(promise, self._silent(promise, _NO_ANSWER), 0)
            return
        running = Running(promise, pid, time.monotonic(), answer, output)
        self._running[pid] = running
        for descriptor, take in ((answer, running.take_answer), (output, running.take_output)):
            os.set_blocking(descriptor, False)
            self._selector.register(descriptor, selectors.EVENT_READ, self._reading(descriptor, take))

    def _reading(self, descriptor: int, take: Any) -> Any:
        def read() -> None:
            if not take():
                self._selector.unregister(descriptor)

        return read

    def _wait(self) -> None:
        now = time.monotonic()
        ends = [running.next_deadline(self._job.timeout, _GRACE) for running in self._running.values()]
        for key, _ in self._selector.select(max(0.0, min(ends) - now) if ends else 0):
            key.data()

    def _hang_up(self) -> None:
        """See that the node has gone, or has had enough."""
        with suppress(OSError):
            if self._channel.recv(1):
                return
        self._abandoned = True

    def _reap(self) -> None:
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            running = self._running.pop(pid, None)
            if running is not None:
                self._finish(running)

    def _finish(self, running: Running) -> None:
        """Take what a promise has to say after its end, and end what it left in its group."""
        processes.signal_group(running.pid, signal.SIGKILL)
        for descriptor in running.close():
            with suppress(KeyError):
                self._selector.unregister(descriptor)
            os.close(descriptor)
        for line in running.lines():
            self._say("INFO", line)
        elapsed = time.monotonic() - running.started
        if running.late:
            text = f"Error: Promise timed out after {self._job.timeout:g} seconds"
            self._settle(running.promise, self._silent(running.promise, text), elapsed)
            return
        found, bang = running.verdict()
        if found is None:
            found = self._silent(running.promise, _NO_ANSWER)
        elif bang:
            self._bang(running.promise)
        if found.kind != result.EMPTY:
            self._settle(running.promise, found, elapsed)

    def _silent(self, promise: Found, text: str) -> Result:
        kind = result.ANOMALY if self._job.anomaly else result.TEST
        return result.without_answer(kind, text, self._before(promise), time.time())

    def _settle(self, promise: Found, found: Result, elapsed: float) -> None:
        ticks = max(1, ceil(elapsed / _TICK)) * _TICK
        document = {
            "title": promise.title,
            "name": promise.name,
            "path": promise.path,
            "execution-time": ticks,
            "result": found.document(),
        }
        try:
            files.save(self._files.result(promise.title), document)
        except OSError as error:
            self._say("WARNING", f"The result of {promise.name} cannot be saved: {error.strerror}")
        self._found(promise, found, fresh=True)

    def _found(self, promise: Found, found: Result, *, fresh: bool) -> None:
        if found.failed:
            self._say("ERROR", found.message)
        elif found.message:
            self._say("DEBUG", found.message)
        self._tell({"event": "result", "name": promise.name, "fresh": fresh, "result": found.document()})

    def _bang(self, promise: Found) -> None:
        if not self._banged:
            self._banged = True
            self._tell({"event": "bang", "title": promise.title, "message": f"Promise {promise.title} is failing"})

    def _hurry(self) -> None:
        """Ask what takes too long to end, and a second later end it."""
        now = time.monotonic()
        for running in list(self._running.values()):
            if now < running.next_deadline(self._job.timeout, _GRACE):
                continue
            if not running.late:
                running.late = now
                processes.signal_group(running.pid, signal.SIGTERM)
            else:
                self._say("INFO", f"Killing process {running.promise.name}...")
                running.killed = True
                self._kill(running.pid)

    def _clean(self) -> None:
        """End whatever is left of all promises: those under way when the node went, and what others put aside."""
        for pid in list(self._running):
            self._kill(pid)
        self._running.clear()
        self._kill(0)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                continue

    def _kill(self, pid: int) -> None:
        if not processes.kill(pid, lambda: set(self._running)):
            self._say("ERROR", f"Processes of promises of {self._job.partition} multiply faster than they are ended")

    def _say(self, level: str, text: str) -> None:
        self._tell({"event": "log", "level": level, "text": text})

    def _tell(self, event: dict[str, Any]) -> None:
        try:
            self._channel.sendall(json.dumps(event).encode() + b"\n")
        except OSError:
            self._abandoned = True
