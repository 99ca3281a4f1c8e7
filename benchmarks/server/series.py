"""What is asked of a master: reads, new and repeated requests, a crowd; at growing numbers of instances."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.server import calls, load
from benchmarks.server.load import Order
from benchmarks.server.masters import ORIGINAL, Master, prepare
from benchmarks.server.processes import ServerError
from benchmarks.server.results import Result

CROWD: Final = 100
_NEW: Final = 200  # requests for new instances by one client, and as many by several
_SPARE: Final = 2 * _NEW + CROWD
_WARM: Final = 0.3


class Plan(msgspec.Struct, frozen=True):
    """What is measured; ``seconds`` is for each load."""

    sizes: tuple[int, ...]
    clients: tuple[int, ...]
    seconds: float


class Series:
    """All loads on one master after the other; results are told as they come."""

    def __init__(self, plan: Plan, work: Path, told: Callable[[Result], None]) -> None:
        self._plan = plan
        self._work = work
        self._told = told

    def on(self, name: str, start: Callable[[Path], Master]) -> None:
        """Measure one master, started anew for each number of instances. Raises ServerError."""
        for size in self._plan.sizes:
            folder = Path(tempfile.mkdtemp(prefix="master-", dir=self._work))
            try:
                master = start(folder)
                try:
                    self._at(name, master, size)
                finally:
                    master.stop()
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def _at(self, name: str, master: Master, size: int) -> None:
        prepare(master, size)
        master.fill(0, size)
        ways = (False,) if name == ORIGINAL else (True, False)
        measured = _Measured(name, master, size, self._told)
        for clients in self._plan.clients:
            for kept in ways:
                measured.work("read", [calls.read(master.headers)], clients, self._plan.seconds, kept=kept)
        repeated = [calls.request(f"t{number * size // 97}", master.headers) for number in range(97)]
        for clients in self._plan.clients:
            for kept in ways:
                measured.work("repeated request", repeated, clients, self._plan.seconds, kept=kept)
        prepare(master, size + _SPARE)
        new = (calls.request(f"t{number}", master.headers) for number in range(size, size + _SPARE))
        for clients in self._plan.clients:
            measured.once("new request", _taken(new, _NEW), clients, self._plan.seconds * 2, kept=ways[0])
        crowd = [calls.request(f"crowd{size}-{number}", master.headers) for number in range(CROWD)]
        measured.once("crowd", crowd, CROWD, 60.0, kept=False)


class _Measured:
    def __init__(self, name: str, master: Master, size: int, told: Callable[[Result], None]) -> None:
        self._name = name
        self._master = master
        self._size = size
        self._told = told

    def work(self, what: str, requests: list[bytes], clients: int, seconds: float, *, kept: bool) -> None:
        """Send the requests in circles."""
        target = self._master.target
        load.run(Order(target=target, requests=requests, clients=clients, seconds=_WARM, circle=True, kept=kept))
        order = Order(target=target, requests=requests, clients=clients, seconds=seconds, circle=True, kept=kept)
        self._run(what, order)

    def once(self, what: str, requests: list[bytes], clients: int, seconds: float, *, kept: bool) -> None:
        """Send each request once; what is not sent within the seconds is left."""
        target = self._master.target
        order = Order(target=target, requests=requests, clients=clients, seconds=seconds, circle=False, kept=kept)
        self._run(what, order)

    def _run(self, what: str, order: Order) -> None:
        average = os.getloadavg()[0]
        before = self._master.cpu()
        outcome = load.run(order)
        after = self._master.cpu()
        used = [1000 * (late - early) / max(1, outcome.answered) for early, late in zip(before, after, strict=True)]
        self._told(
            Result(
                master=self._name,
                instances=self._size,
                work=what,
                clients=order.clients,
                kept=order.kept,
                answered=outcome.answered,
                failed=outcome.failed,
                reason=outcome.reason,
                rate=outcome.rate,
                p50=outcome.p50,
                p99=outcome.p99,
                cpu=used[0],
                database_cpu=used[1],
                client_cpu=1000 * outcome.cpu / max(1, outcome.answered),
                memory_mib=self._master.memory_mib(),
                size=outcome.size,
                load=average,
                lost=len(order.requests) - outcome.places if what == "crowd" else 0,
            )
        )


def _taken(requests: Iterator[bytes], count: int) -> list[bytes]:
    return [request for request, _ in zip(requests, range(count), strict=False)]


def all_masters(series: Series, chosen: Sequence[tuple[str, Callable[[Path], Master]]]) -> list[str]:
    """Measure each; returns what failed, in words."""
    failures = []
    for name, start in chosen:
        try:
            series.on(name, start)
        except ServerError as error:
            failures.append(f"{name}: {error}")
            print(f"benchmarks: {failures[-1]}", file=sys.stderr)
    return failures
