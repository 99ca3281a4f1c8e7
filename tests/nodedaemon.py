"""``pilothouse node run`` as its users start it: a process of its own on a test's machine."""

import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.nodes import PATIENCE, Machine, eventually

from pilothouse.node.daemon import status
from pilothouse.node.daemon.status import Last, Status

QUIET = "instance = 3600\nsoftware = 3600\nreport = 3600\nformat = 0\ncollect = 0\nprune = 0\njitter = 0"
"""Of the section ``node-run``: what happens, happens for another reason than the time."""


class Daemon:
    """A daemon that runs; ``lines`` is what it and its passes have said."""

    def __init__(self, machine: Machine, **environ: str) -> None:
        self.machine = machine
        self.lines: list[str] = []
        self.process = machine.launch("pilothouse.cli.main", "run", **environ)
        self._reader = threading.Thread(target=self._read, args=(self.process,))
        self._reader.start()

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout as stream:
            self.lines += iter(stream.readline, "")

    @property
    def text(self) -> str:
        return "".join(self.lines)

    def shown(self) -> Status:
        """Return what it shows of itself, once it shows anything."""
        eventually(lambda: self._mine() is not None, f"it shows nothing\n{self.text}")
        found = self._mine()
        assert found is not None
        return found

    def _mine(self) -> Status | None:
        found = status.load(self.machine.instances)
        return found if found and found.pid == self.process.pid else None

    def last(self, name: str, after: Last | None = None) -> Last:
        """Return how the first pass of a kind ended, or the first one after another."""

        def found() -> Last | None:
            last = self.shown().passes[name].last
            return last if last != after else None

        eventually(lambda: found() is not None, f"no pass of {name} ends\n{self.text}")
        last = found()
        assert last is not None
        return last

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(2 * PATIENCE)

    def close(self) -> None:
        """End it if it still runs, and whatever passes it has left."""
        if self.process.poll() is None:
            self.send(signal.SIGTERM)
            self.end()
        self._reader.join(PATIENCE)
        assert not self._reader.is_alive(), f"a pass goes on\n{self.text}"


@contextmanager
def daemon(machine: Machine, **environ: str) -> Iterator[Daemon]:
    """Run a daemon until the block ends."""
    made = Daemon(machine, **environ)
    try:
        yield made
    finally:
        made.close()


def plan(machine: Machine, url: str, text: str = QUIET, *more: str) -> None:
    """Write the machine's file with a section for the daemon."""
    machine.configure(url)
    content = machine.cfg.read_text()
    machine.cfg.write_text("\n".join([content, "[node-run]", text, *more, ""]))
