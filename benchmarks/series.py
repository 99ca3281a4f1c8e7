"""Takes the measurements: prepares the peers, serves the nodes, lets the peers take turns, checks and records."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from benchmarks import batches, machine, measure, records, startup
from benchmarks.peers.contract import Peer, Task, UnpreparedError
from benchmarks.progress import Progress
from benchmarks.records import Record
from benchmarks.scenarios import SCENARIOS, STARTUP, Turn, turns
from benchmarks.targets import Targets, serving

_WARM_NODES: Final = 2
_TAIL: Final = 300


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for; ``full`` runs even what would take long; ``limit`` is seconds for one run."""

    nodes: tuple[int, ...]
    scenarios: tuple[str, ...]
    runs: int
    concurrency: int
    limit: float
    full: bool


class Series:
    """One run of the harness; ``finished`` are the records so far, also in ``raw`` as JSON lines."""

    def __init__(self, plan: Plan, peers: Mapping[str, Peer], work: Path) -> None:
        self._plan = plan
        self._peers = peers
        self._servers = work / "targets"
        self._folder = work
        self._unfit: dict[str, str] = {}
        self.raw = work / f"records-{datetime.now(UTC):%Y%m%d-%H%M%S}.jsonl"
        self.finished: list[Record] = []

    def on_nodes(self) -> None:
        """Measure the peers on the nodes."""
        plan = self._plan
        names = tuple(self._peers)
        scenarios = tuple(name for name in plan.scenarios if name in SCENARIOS)
        if not scenarios or not names:
            return
        self._prepare()
        schedule = list(turns(scenarios, plan.nodes, plan.runs, names))
        progress = Progress(len(schedule))
        most = max(turn.nodes for turn in schedule)
        with (
            serving(most, self._servers) as targets,
            tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder,
        ):
            self._folder = Path(folder)
            self._warm_up(targets)
            for turn in schedule:
                progress.starting(f"{turn.scenario} {turn.peer}, {turn.nodes} nodes")
                progress.finished(self._keep(self._take(turn, targets)))

    def on_startup(self, program: Path) -> None:
        """Measure how our commands start, and how long a batch takes to be accepted."""
        runs = self._plan.runs * startup.STARTS_PER_RUN
        with batches.served(program) as calls:
            found = {**startup.commands(program), **calls}
            progress = Progress(len(found) * runs)
            for run in range(runs):
                for name, argv in found.items():
                    turn = Turn(STARTUP, 0, run, name)
                    progress.finished(self._keep(self._start(turn, argv)))

    def _prepare(self) -> None:
        for name, peer in self._peers.items():
            try:
                peer.prepare()
            except UnpreparedError as error:
                self._unfit[name] = str(error)

    def _warm_up(self, targets: Targets) -> None:
        """Let every peer write its caches, and find out which cannot work here at all."""
        for name in self._peers:
            if name not in self._unfit:
                record = self._take(Turn("w1", min(_WARM_NODES, len(targets.hosts)), 0, name), targets)
                if record.status == "failed":
                    self._unfit[name] = record.reason

    def _take(self, turn: Turn, targets: Targets) -> Record:
        peer = self._peers[turn.peer]
        if not self._plan.full and peer.most_hosts is not None and turn.nodes > peer.most_hosts:
            return _unmeasured(turn, "skipped", "takes too long at this size; --full runs it")
        if turn.peer in self._unfit:
            return _unmeasured(turn, "failed", self._unfit[turn.peer])
        scenario = SCENARIOS[turn.scenario]
        task = Task(
            scenario=scenario,
            targets=targets,
            hosts=targets.hosts[: turn.nodes],
            concurrency=scenario.nodes or self._plan.concurrency,
            # all of them stay until the end: for minutes ext4 looks at each deleted file whenever one is made
            folder=Path(tempfile.mkdtemp(dir=self._folder)),
            limit=self._plan.limit,
        )
        order = peer.order(task)
        record = _measured(turn, order, lambda: peer.succeeded(task, order), turn.nodes)
        _empty(targets.scratch.iterdir())
        return msgspec.structs.replace(record, concurrency=task.concurrency)

    def _start(self, turn: Turn, argv: tuple[str, ...]) -> Record:
        if not Path(argv[0]).exists():
            return _unmeasured(turn, "failed", "not installed; run: make bench")
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            return _measured(turn, startup.order(argv, Path(folder)), lambda: 0, 0)

    def _keep(self, record: Record) -> Record:
        self.finished.append(record)
        records.append(self.raw, record)
        return record


def _measured(turn: Turn, order: measure.Order, good_nodes: Callable[[], int], wanted: int) -> Record:
    started = datetime.now(UTC).isoformat(timespec="seconds")
    before = machine.calibration()
    try:
        result = measure.run(order)
        good = good_nodes()
    except (RuntimeError, OSError, ValueError) as error:
        return _unmeasured(turn, "failed", str(error))
    after = machine.calibration()
    fault = _fault(order, result, good, wanted)
    return Record(
        scenario=turn.scenario,
        nodes=turn.nodes,
        run=turn.run,
        peer=turn.peer,
        status="failed" if fault else "ok",
        reason=fault,
        user=result.user,
        system=result.system,
        wall=result.wall,
        peak_mib=result.peak_mib,
        good_nodes=good,
        calibration_ms=(before + after) / 2,
        started=started,
    )


def _fault(order: measure.Order, result: measure.Measurement, good: int, wanted: int) -> str:
    """Say what was wrong with a run, nothing when it was right."""
    if result.timed_out:
        return f"not finished after {order.limit:.0f} s"
    if result.exit_code == 0 and good == wanted:
        return ""
    said = order.stderr.read_text(errors="replace") or order.stdout.read_text(errors="replace")
    # the last words often name files of this machine, which results must not
    words = " ".join(said.split())[-_TAIL:].replace(order.folder, "")
    nodes = f"{good} of {wanted} nodes right, " if wanted else ""
    return f"{nodes}exit code {result.exit_code}: {words or 'it said nothing'}"


def _unmeasured(turn: Turn, status: records.Status, reason: str) -> Record:
    return Record(scenario=turn.scenario, nodes=turn.nodes, run=turn.run, peer=turn.peer, status=status, reason=reason)


def _empty(leftovers: Iterable[Path]) -> None:
    """Remove what a peer left on the nodes, after a moment for those who clean up without being waited for."""
    time.sleep(0.2)
    for path in leftovers:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
