"""The results as Markdown. Pure."""

import statistics
from collections.abc import Iterable, Sequence
from typing import Final

from benchmarks.node.cases import CASES, Case
from benchmarks.node.peers import ABOUT, ORIGINAL, OURS
from benchmarks.node.samples import Sample
from benchmarks.table import grid

_NOTES: Final = f"""\
How to read this:

- CPU is user and system time of the command's whole process tree; supervisord and the programs it runs are not in it.
  Figures are medians; the peers take turns within one run; the first run of each is not counted.
- "CPU ours / original" is what counts, and what targets are set for. Wall time has its neighbours in it, and the
  pauses that a peer makes.
- Both run with the same Python, as an ordinary user, against the same scripted master on loopback, on machines of
  their own that are alike. Instances that are up to date are known to be so at the master, and have one promise where
  promises are named, a shell script.
- A shell script as buildout writes one program. The real buildout makes three parts of a template, for both by the
  same `bin/buildout`.
- The original: {ABOUT}."""
_HEAD: Final = (
    *("case", "CPU ours / original", "target", "", "CPU s ours", "original", "spread ours", "original"),
    *("wall ours / original", "wall s ours", "original", "runs"),
)


def render(date: str, machine: Sequence[tuple[str, str]], samples: Sequence[Sample], failures: Iterable[str]) -> str:
    """Return the whole document."""
    loads = [sample.load for sample in samples]
    described = [*machine, ("Load during the run", f"{min(loads):.1f} to {max(loads):.1f}")] if loads else machine
    parts = [
        "# Benchmark results: the node",
        f"{date}. Made by `python -m benchmarks.node`; do not edit.",
        "## Machine",
        "\n".join(f"- {name}: {value}" for name, value in described),
        _NOTES,
        "## Passes",
        grid(_HEAD, [_row(case, samples) for case in CASES if any(one.case == case.name for one in samples)]),
    ]
    if failures := list(failures):
        parts += ["## Failures", "\n".join(f"- {failure}" for failure in failures)]
    return "\n\n".join(parts) + "\n"


def _row(case: Case, samples: Sequence[Sample]) -> list[str]:
    cpu = {peer: [one.cpu for one in samples if (one.case, one.peer) == (case.name, peer)] for peer in (OURS, ORIGINAL)}
    wall = {
        peer: [one.wall for one in samples if (one.case, one.peer) == (case.name, peer)] for peer in (OURS, ORIGINAL)
    }
    ours, theirs = median(cpu[OURS]), median(cpu[ORIGINAL])
    target = f"1/{case.target:g}" if case.target else "none"
    met = "" if not case.target or not ours or not theirs else "met" if theirs / ours >= case.target else "**not met**"
    return [
        case.name,
        ratio(ours, theirs),
        target,
        met,
        *(_seconds(value) for value in (ours, theirs)),
        *(_spread(cpu[peer]) for peer in (OURS, ORIGINAL)),
        ratio(median(wall[OURS]), median(wall[ORIGINAL])),
        *(_seconds(median(wall[peer])) for peer in (OURS, ORIGINAL)),
        str(min(len(cpu[OURS]), len(cpu[ORIGINAL]))),
    ]


def median(values: Sequence[float]) -> float:
    """Return the median, 0 of nothing."""
    return statistics.median(values) if values else 0.0


def ratio(ours: float, theirs: float) -> str:
    """Return how our figure compares with theirs, in words like ``1/8.3``."""
    if not ours or not theirs:
        return "-"
    return f"1/{theirs / ours:.1f}" if theirs >= ours else f"{ours / theirs:.1f}"


def _seconds(value: float) -> str:
    return f"{value:.3f}" if value else "-"


def _spread(values: Sequence[float]) -> str:
    return f"{(max(values) - min(values)) / median(values):.0%}" if values else "-"
