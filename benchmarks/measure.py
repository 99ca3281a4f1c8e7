"""Run a command and measure its whole process tree.

Each measurement is made by a fresh process (``python -m benchmarks.measure``, an Order on stdin, a Measurement on
stdout). It is a child subreaper, so that what a command leaves in the background (ssh masters, daemons) comes back
to it, is stopped when the command has ended, and is counted. Not counted: children of a process that ignores
SIGCHLD, which the kernel counts nowhere.
"""

import ctypes
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.places import REPOSITORY

_SET_PDEATHSIG: Final = 1
_SET_CHILD_SUBREAPER: Final = 36
_FIRST_SAMPLE: Final = 0.02
_LONGEST_PAUSE: Final = 3.0
# looking at memory may take up to one part in this many of the time
_SAMPLING_SHARE: Final = 25
_GRACE: Final = 3.0


class Order(msgspec.Struct, frozen=True):
    """What to run: no shell; ``environ`` is the whole environment; output goes to files in ``folder``.

    ``limit`` is the number of seconds after which everything is stopped.
    """

    argv: tuple[str, ...]
    environ: dict[str, str]
    folder: str
    limit: float = 600.0

    @property
    def stdout(self) -> Path:
        """The file that receives the standard output."""
        return Path(self.folder) / "stdout"

    @property
    def stderr(self) -> Path:
        """The file that receives the standard error."""
        return Path(self.folder) / "stderr"


class Measurement(msgspec.Struct, frozen=True):
    """What a command and everything below it used.

    ``user`` and ``system`` are CPU seconds, ``wall`` is seconds until the command itself ended. ``peak_mib`` is
    the highest of several samples of the tree's memory, pages shared inside it counted once (the sum of PSS);
    0.0 when the command was too short to be sampled.
    """

    exit_code: int
    user: float
    system: float
    wall: float
    peak_mib: float
    timed_out: bool = False

    @property
    def cpu(self) -> float:
        """CPU seconds, user and system."""
        return self.user + self.system


def run(order: Order) -> Measurement:
    """Carry out the order in a process of its own; raises RuntimeError when the measuring itself broke."""
    command = [sys.executable, "-m", "benchmarks.measure"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as measurer:
        try:
            answer, _ = measurer.communicate(msgspec.json.encode(order))
        except BaseException:
            measurer.terminate()
            measurer.wait()
            raise
    if measurer.returncode != 0:
        raise RuntimeError(f"measuring {order.argv[0]} broke off with exit code {measurer.returncode}; see above")
    return msgspec.json.decode(answer, type=Measurement)


def measure(order: Order) -> Measurement:
    """Run and measure here; this process becomes a child subreaper and must have no other children."""
    _prctl(_SET_CHILD_SUBREAPER, 1)
    _prctl(_SET_PDEATHSIG, signal.SIGTERM)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    try:
        with order.stdout.open("wb") as out, order.stderr.open("wb") as err:
            process = subprocess.Popen(
                order.argv, env=order.environ, cwd=order.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )
        ended, peak = _watch(process.pid, started + order.limit)
        wall = time.perf_counter() - started
        if not ended:
            process.kill()
        process.wait()
    finally:
        _stop_descendants()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Measurement(
        exit_code=process.returncode,
        user=after.ru_utime - before.ru_utime,
        system=after.ru_stime - before.ru_stime,
        wall=wall,
        peak_mib=peak / 1024,
        timed_out=not ended,
    )


def descendants(root: int) -> list[int]:
    """Return the ids of all processes below ``root``."""
    found: list[int] = []
    waiting = [root]
    while waiting:
        children = list(_children(waiting.pop()))
        found += children
        waiting += children
    return found


def _children(pid: int) -> Iterator[int]:
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:  # it ended meanwhile
        return
    for thread in threads:
        with suppress(OSError):
            yield from map(int, (thread / "children").read_text().split())


def _watch(pid: int, deadline: float) -> tuple[bool, int]:
    """Wait for the process; return whether it ended in time, and the peak of the tree's memory in KiB."""
    peak, pause = 0, _FIRST_SAMPLE
    watched = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(watched, select.POLLIN)
    try:
        while not poll.poll(pause * 1000):
            looked = time.perf_counter()
            if looked > deadline:
                return False, peak
            peak = max(peak, sum(_memory(child) for child in descendants(os.getpid())))
            spent = time.perf_counter() - looked
            pause = min(_LONGEST_PAUSE, max(_FIRST_SAMPLE, _SAMPLING_SHARE * spent))
    finally:
        os.close(watched)
    return True, peak


def _memory(pid: int) -> int:
    """Return the process's proportional memory in KiB, 0 when it is gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def _stop_descendants() -> None:
    """Stop and collect whatever the command left behind, politely first."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in descendants(os.getpid()):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        deadline = time.monotonic() + _GRACE
        while time.monotonic() < deadline:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    time.sleep(0.01)
            except ChildProcessError:
                return


def _prctl(option: int, value: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl refused")


def _main() -> None:
    def stop(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, stop)
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    sys.stdout.buffer.write(msgspec.json.encode(measure(order)))


if __name__ == "__main__":
    _main()
