"""The results as Markdown. Pure: records and descriptions in, text out."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from benchmarks.records import Record
from benchmarks.scenarios import SCENARIOS, STARTUP
from benchmarks.summary import Cell, Figures, cells, cpu_of, further, marginals, ratio

FLOOR: Final = "floor"
OURS: Final = "pilothouse"
BARE: Final = "python -c pass"
_LONGEST_REASON: Final = 165
_CUT: Final = " ... "
_FOLDERS: Final = re.compile(r"/(?:[^\s/'\"]+/)+")

_NOTES: Final = """\
How to read this:

- CPU is user and system time of the client's whole process tree, background processes included; the servers' is not
  in it. Start-up is in it. Peak memory is the sampled sum over the tree, shared pages counted once.
- The peers take turns within one run; figures are medians; spread is (highest - lowest) / median of the CPU time.
- Every run is checked on every node: exit code, and the number of lines where there are lines.
- The nodes are loopback addresses of throwaway ssh servers on the same cores, so wall time says little between the
  cheap clients. The ratios are the point; the figures themselves belong to this machine and this hour.
- "x floor" and "x ours" are CPU ratios in this run: above 1 is dearer than the floor, or than we are.
- Host keys are checked by no one here."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What stands around the tables; nothing here names a host, a person or a path."""

    date: str
    machine: Sequence[tuple[str, str]]
    peers: Mapping[str, str]
    concurrency: int


def render(report: Report, records: Sequence[Record]) -> str:
    """Return the whole results document."""
    found = cells(records)
    parts = ["# Benchmark results", f"{report.date}. Made by `make bench`; do not edit.", _machine(report), _NOTES]
    for name, scenario in SCENARIOS.items():
        if any(cell[0] == name for cell in found):
            parts.append(f"## {name.upper()}: {scenario.about}")
            parts += [_cell(cell, rows) for cell, rows in found.items() if cell[0] == name]
            parts += _marginal(found, name) if not scenario.nodes else []
            parts += _further(found, name) if scenario.operations > 1 else []
    parts += [_startup(rows) for cell, rows in found.items() if cell[0] == STARTUP]
    parts.append(_peers(report))
    return "\n\n".join(parts) + "\n"


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table: names to the left, figures to the right."""
    rule = "|---|" + "---:|" * (len(head) - 1)
    lines = [" | ".join(row) for row in (head, *rows)]
    return "\n".join([f"| {lines[0]} |", rule, *(f"| {line} |" for line in lines[1:])])


def reason(text: str) -> str:
    """Return the text fit for a table cell: one short line without bars, and without this machine's folders."""
    line = _FOLDERS.sub("", " ".join(text.split())).replace("|", "/")
    if len(line) <= _LONGEST_REASON:
        return line
    # how it began and how it ended: tracebacks say the most in their last words
    half = (_LONGEST_REASON - len(_CUT)) // 2
    return line[:half] + _CUT + line[-half:]


def _cell(cell: Cell, rows: Sequence[Figures]) -> str:
    floor, ours = cpu_of(rows, FLOOR), cpu_of(rows, OURS)
    head = ("peer", "CPU s", "CPU ms/node", "spread", "x floor", "x ours", "wall s", "least", "peak MiB", "runs")
    body = [_row(row, floor, ours, len(head)) for row in rows]
    return f"### {cell[1]} nodes\n\n{grid(head, body)}"


def _row(row: Figures, floor: float | None, ours: float | None, width: int) -> list[str]:
    if not row.runs:
        return [row.peer, _missing(row), *[""] * (width - 2)]
    runs = str(row.runs) if not row.failed else f"{row.runs}, {row.failed} failed: {reason(row.reason)}"
    return [
        row.peer,
        f"{row.cpu:.2f}",
        f"{row.cpu_ms_per_node:.1f}",
        f"{row.spread:.0%}",
        _times(ratio(row.cpu, floor)),
        _times(ratio(row.cpu, ours)),
        f"{row.wall:.2f}",
        f"{row.least_wall:.2f}",
        f"{row.peak_mib:.0f}" if row.peak_mib else "-",
        runs,
    ]


def _missing(row: Figures) -> str:
    return f"not run: {reason(row.reason)}" if row.skipped else f"**failed**: {reason(row.reason)}"


def _times(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _marginal(found: Mapping[Cell, Sequence[Figures]], scenario: str) -> list[str]:
    slopes = marginals(found, scenario)
    if not slopes:
        return []
    known = {slope.peer: slope.ms_per_node for slope in slopes}
    rows = [
        (
            slope.peer,
            f"{slope.fewest} to {slope.most}",
            f"{slope.ms_per_node:.2f}",
            _times(ratio(slope.ms_per_node, known.get(FLOOR))),
            _times(ratio(slope.ms_per_node, known.get(OURS))),
            f"{slope.startup:.2f}",
        )
        for slope in slopes
    ]
    head = ("peer", "nodes", "CPU ms per further node", "x floor", "x ours", "start-up CPU s")
    return [f"### Start-up apart\n\n{grid(head, rows)}"]


def _further(found: Mapping[Cell, Sequence[Figures]], scenario: str) -> list[str]:
    rows = further(found, "w1", scenario, SCENARIOS[scenario].operations)
    if not rows:
        return []
    ours = {row.nodes: row.ms for row in rows if row.peer == OURS}
    body = [(row.peer, str(row.nodes), f"{row.ms:.2f}", _times(ratio(row.ms, ours.get(row.nodes)))) for row in rows]
    head = ("peer", "nodes", "CPU ms per further operation", "x ours")
    return [f"### A further operation on the same host: W4 less W1\n\n{grid(head, body)}"]


def _startup(rows: Sequence[Figures]) -> str:
    bare = cpu_of(rows, BARE)
    head = ("command", "CPU ms", "spread", f"x `{BARE}`", "runs")
    body = [
        [f"`{row.peer}`", f"{1000 * row.cpu:.0f}", f"{row.spread:.0%}", _times(ratio(row.cpu, bare)), str(row.runs)]
        if row.runs
        else [f"`{row.peer}`", _missing(row), "", "", ""]
        for row in rows
    ]
    return f"## Start-up\n\n{grid(head, body)}"


def _machine(report: Report) -> str:
    lines = [f"- {name}: {value}" for name, value in report.machine]
    return "\n".join(["## Machine", "", *lines])


def _peers(report: Report) -> str:
    lines = [f"- `{name}`: {about}" for name, about in report.peers.items()]
    text = f"At most {report.concurrency} connections at a time, for everyone."
    return "\n".join(["## Peers", "", text, "", *lines])
