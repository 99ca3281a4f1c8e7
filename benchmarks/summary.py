"""From records to figures: medians, spread and ratios. Pure."""

import statistics
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from benchmarks.records import Record


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of one peer at one scenario and number of nodes; medians of the good runs.

    ``spread`` is (highest - lowest) / median of the CPU seconds. Without a good run the figures are 0 and
    ``reason`` says why; ``failed`` counts the failed runs.
    """

    peer: str
    scenario: str
    nodes: int
    runs: int
    failed: int
    skipped: bool = False
    reason: str = ""
    cpu: float = 0.0
    spread: float = 0.0
    wall: float = 0.0
    least_wall: float = 0.0
    peak_mib: float = 0.0

    @property
    def cpu_ms_per_node(self) -> float:
        """CPU milliseconds per node, start-up included."""
        return 1000 * self.cpu / max(1, self.nodes)


Cell = tuple[str, int]


def figures(records: Sequence[Record]) -> Figures:
    """Sum up the records of one peer, scenario and number of nodes."""
    first = records[0]
    good = [record for record in records if record.status == "ok"]
    bad = [record for record in records if record.status == "failed"]
    skipped = not good and not bad
    reason = next((record.reason for record in records if record.reason), "")
    base = Figures(
        peer=first.peer,
        scenario=first.scenario,
        nodes=first.nodes,
        runs=len(good),
        failed=len(bad),
        skipped=skipped,
        reason=reason,
    )
    if not good:
        return base
    cpu = [record.cpu for record in good]
    median = statistics.median(cpu)
    return msgspec.structs.replace(
        base,
        cpu=median,
        spread=(max(cpu) - min(cpu)) / median if median else 0.0,
        wall=statistics.median(record.wall for record in good),
        least_wall=min(record.wall for record in good),
        peak_mib=statistics.median(record.peak_mib for record in good),
    )


def cells(records: Iterable[Record]) -> dict[Cell, tuple[Figures, ...]]:
    """Group by scenario and number of nodes; cheapest first, those without figures last."""
    grouped: dict[Cell, dict[str, list[Record]]] = {}
    for record in records:
        grouped.setdefault((record.scenario, record.nodes), {}).setdefault(record.peer, []).append(record)
    return {cell: _sorted(figures(found) for found in peers.values()) for cell, peers in sorted(grouped.items())}


def ratio(value: float, base: float | None) -> float | None:
    """Return ``value`` over ``base``, None when either is not known."""
    return value / base if base and value else None


def cpu_of(rows: Iterable[Figures], peer: str) -> float | None:
    """Return the peer's CPU seconds among the rows, None when it has none."""
    return next((row.cpu for row in rows if row.peer == peer and row.runs), None)


class Marginal(msgspec.Struct, frozen=True):
    """What a further node costs a peer once its start-up is paid: the slope between two numbers of nodes."""

    peer: str
    fewest: int
    most: int
    ms_per_node: float
    startup: float


def marginals(found: Mapping[Cell, Sequence[Figures]], scenario: str) -> tuple[Marginal, ...]:
    """Return the slope of each peer that has figures at two numbers of nodes, cheapest first."""
    known: dict[str, dict[int, float]] = {}
    for (name, nodes), rows in found.items():
        for row in rows:
            if name == scenario and row.runs:
                known.setdefault(row.peer, {})[nodes] = row.cpu
    slopes = [_slope(peer, costs) for peer, costs in known.items() if len(costs) > 1]
    return tuple(sorted(slopes, key=lambda slope: slope.ms_per_node))


def _slope(peer: str, costs: Mapping[int, float]) -> Marginal:
    fewest, most = min(costs), max(costs)
    slope = (costs[most] - costs[fewest]) / (most - fewest)
    return Marginal(peer, fewest, most, 1000 * slope, max(0.0, costs[fewest] - fewest * slope))


class Further(msgspec.Struct, frozen=True):
    """What a further operation on a host costs a peer: a scenario of several operations, less the one of one."""

    peer: str
    nodes: int
    ms: float


def further(found: Mapping[Cell, Sequence[Figures]], one: str, several: str, operations: int) -> tuple[Further, ...]:
    """Return it for each number of nodes and peer that has figures in both scenarios, cheapest first."""
    rows = []
    for (name, nodes), figures_of_one in found.items():
        if name != one or nodes == 0:
            continue
        for row in found.get((several, nodes), ()):
            base = cpu_of(figures_of_one, row.peer)
            if row.runs and base is not None:
                rows.append(Further(row.peer, nodes, 1000 * (row.cpu - base) / nodes / (operations - 1)))
    return tuple(sorted(rows, key=lambda row: (row.nodes, row.ms)))


def _sorted(rows: Iterable[Figures]) -> tuple[Figures, ...]:
    return tuple(sorted(rows, key=lambda row: (row.runs == 0, row.skipped, row.cpu, row.peer)))
