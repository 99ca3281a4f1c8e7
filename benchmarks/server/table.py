"""The results as Markdown."""

from collections.abc import Iterable, Sequence
from typing import Final

from benchmarks.server import starts
from benchmarks.server.masters import ORIGINAL
from benchmarks.server.results import Result, Start

_INTRODUCTION: Final = """\
How to read this:

- Every master has one computer with the given number of instances. `read` is getFullComputerInformation, answered
  with status 200 and the whole document; requests are requestComputerPartition, for an instance that is there
  (`repeated`) or for one more (`new`). Requests for new instances are made with 500 free partitions beside them.
- `CPU` is processor time of the server's process for each answer, `db CPU` that of the PostgreSQL server. Both do
  not depend on what else the machine does as much as rates do; `load` is the load average when the row began.
- The load generator is a process of its own on the same cores; `client CPU` is what it took for each answer.
- `kept`: every client keeps its connection; `new`: every request opens one, as the original's client does. The
  original closes every connection itself.
- `x original` compares rates with the original's row of the same work, size and number of clients; `x CPU` compares
  its CPU for each answer with ours. Above 1 we do more, or need less.
- SQLite and PostgreSQL write durably (fsync). `up` logs in with a token at every request.
- The original's instances beyond the first are copied into its database, because requesting them would take hours.
"""

_COLUMNS: Final = (
    *("work", "clients", "master", "connections", "per s", "x original", "p50 ms", "p99 ms", "CPU ms", "x CPU"),
    *("db CPU ms", "client CPU ms", "memory MiB", "answers", "failed", "load"),
)


def render(date: str, machine: Sequence[tuple[str, str]], results: Sequence[Result], made: Sequence[Start],
           failures: Iterable[str]) -> str:  # fmt: skip
    """Return the whole document."""
    parts = [
        "# Benchmark results: the control server and the slapos commands",
        f"{date}. Made by `python -m benchmarks.server`; do not edit.",
        "## Machine",
        "\n".join(f"- {name}: {value}" for name, value in machine),
        _INTRODUCTION.rstrip(),
    ]
    for size in dict.fromkeys(result.instances for result in _by_size(results)):
        rows = [result for result in results if result.instances == size]
        parts += [f"## {size} instances", _of_size(rows)]
    if any(result.work == "crowd" for result in results):
        parts += ["## A hundred requests at once, for a hundred titles", _crowds(results)]
    if made:
        parts += ["## Start-up of commands", _starts(made)]
    if failures := list(failures):
        parts += ["## Failures", "\n".join(f"- {failure}" for failure in failures)]
    return "\n\n".join(parts) + "\n"


def _by_size(results: Iterable[Result]) -> list[Result]:
    return sorted(results, key=lambda result: result.instances)


def _of_size(rows: Sequence[Result]) -> str:
    original = {(row.work, row.clients): row for row in rows if row.master == ORIGINAL}
    lines = [
        f"| {' | '.join(_COLUMNS)} |",
        "|---|---:|---|---|" + "---:|" * 12,
    ]
    for row in sorted((row for row in rows if row.work != "crowd"), key=lambda row: (row.work, row.clients)):
        peer = original.get((row.work, row.clients))
        lines.append(
            f"| {row.work} | {row.clients} | {row.master} | {'kept' if row.kept else 'new'} | {_figure(row.rate)} | "
            f"{_ratio(row.rate, peer.rate if peer else 0)} | {_figure(row.p50)} | {_figure(row.p99)} | "
            f"{_figure(row.cpu)} | {_ratio(peer.cpu if peer else 0, row.cpu)} | "
            f"{_figure(row.database_cpu) if row.database_cpu else ''} | {_figure(row.client_cpu)} | "
            f"{row.memory_mib:.0f} | {row.answered} | {row.failed} | {row.load:.1f} |"
        )
    return "\n".join(lines)


def _crowds(results: Iterable[Result]) -> str:
    lines = [
        "A request is lost when it is not answered, or when its partition is given to another title as well.",
        "",
        "| master | instances before | answered | lost | seconds | load |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row.master} | {row.instances} | {row.answered} | {row.lost} | {_figure(row.answered / row.rate)} | "
        f"{row.load:.1f} |"
        for row in _by_size(results)
        if row.work == "crowd" and row.rate
    ]
    return "\n".join(lines)


def _starts(made: Sequence[Start]) -> str:
    theirs = {start.command: start for start in made if start.whose == starts.ORIGINAL}
    lines = [
        f"CPU milliseconds of the whole process, medians of {made[0].runs} starts in turns; our proxy answers.",
        "",
        "| command | ours | highest | original | ours / original |",
        "|---|---:|---:|---:|---:|",
    ]
    for start in made:
        if start.whose == starts.OURS:
            other = theirs.get(start.command)
            lines.append(
                f"| `{start.command}` | {1000 * start.cpu:.0f} | {1000 * start.highest:.0f} | "
                + (f"{1000 * other.cpu:.0f} | 1/{other.cpu / start.cpu:.1f} |" if other else "| |")
            )
    return "\n".join(lines)


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _ratio(more: float, less: float) -> str:
    return f"{_figure(more / less)}" if more and less else ""
