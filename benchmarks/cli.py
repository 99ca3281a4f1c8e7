"""The command line of the harness."""

import argparse
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import machine
from benchmarks.peers import registered
from benchmarks.places import OURS, RESULTS, WORK
from benchmarks.scenarios import SCENARIOS, STARTUP
from benchmarks.series import Plan, Series
from benchmarks.table import Report, render
from benchmarks.targets import MOST_HOSTS

_EXAMPLES: Final = """\
examples:
  python -m benchmarks                                     everything, medians of 3 runs; writes benchmarks/RESULTS.md
  python -m benchmarks --quick                             10 nodes, one run; shows the table
  python -m benchmarks --nodes 10,100 --peers floor,pilothouse
  python -m benchmarks --scenarios startup
  python -m benchmarks --nodes 500 --full --limit 3600     with the peers that take long
  python -m benchmarks --ours /opt/x/bin/pilothouse        measure another installation of ours

The table goes to standard output, the raw records to benchmarks/.work as JSON lines, progress to standard error.
Servers listen on 127.0.0.0/8 only and are stopped at the end. Exit code 1 means that a peer failed; the table says
which and why.
"""


def main(words: list[str] | None = None) -> int:
    """Run the harness; returns its exit code."""
    arguments = _parser().parse_args(words)
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    peers = registered(arguments.ours.absolute())
    chosen = {name: peers[name] for name in arguments.peers}
    plan = Plan(
        nodes=(10,) if arguments.quick else tuple(arguments.nodes),
        scenarios=tuple(arguments.scenarios),
        runs=1 if arguments.quick else arguments.runs,
        concurrency=arguments.concurrency,
        limit=arguments.limit,
        full=arguments.full,
    )
    WORK.mkdir(exist_ok=True)
    described = machine.describe()
    series = Series(plan, chosen, WORK)
    try:
        series.on_nodes()
        if STARTUP in plan.scenarios:
            series.on_startup(arguments.ours.absolute())
    except (RuntimeError, OSError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"benchmarks: stopped after {len(series.finished)} measurements", file=sys.stderr)
        return 130
    report = Report(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=[*described, machine.noise(series.finished)],
        peers={name: peer.about for name, peer in chosen.items()},
        concurrency=plan.concurrency,
    )
    text = render(report, series.finished)
    print(text)
    # the file in the repository stays the record of a whole run
    whole = not arguments.quick and set(chosen) == set(peers) and {*SCENARIOS, STARTUP} == set(plan.scenarios)
    results = arguments.results or (RESULTS if whole else None)
    if results:
        results.write_text(text)
    return int(any(record.status == "failed" for record in series.finished))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure this product beside others, in turns, on throwaway ssh servers on loopback.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    peers = list(registered(OURS))
    scenarios = [*SCENARIOS, STARTUP]
    add = parser.add_argument
    add("suite", nargs="?", choices=["ssh"], default="ssh", help="what to measure (default: ssh)")
    add("--nodes", type=_counts, default=[10, 100, 500], help="numbers of nodes (default: 10,100,500)")
    add("--runs", type=_positive, default=3, help="runs of each peer (default: 3)")
    add("--peers", type=_names(peers), default=peers, help=f"some of: {','.join(peers)} (default: all)")
    add("--scenarios", type=_names(scenarios), default=scenarios, help=f"some of: {','.join(scenarios)} (default: all)")
    add("--concurrency", type=_positive, default=50, help="connections at a time, for every peer (default: 50)")
    add("--limit", type=float, default=900.0, help="seconds after which one run is stopped (default: 900)")
    add("--full", action="store_true", help="also the combinations that take very long (ansible above 100 nodes)")
    add("--quick", action="store_true", help="10 nodes and one run")
    add("--ours", type=Path, default=OURS, metavar="PROGRAM", help="our command (default: the one in .venv)")
    add(
        "--results",
        type=Path,
        metavar="FILE",
        help="write the table there (default: benchmarks/RESULTS.md, after a run of all peers and scenarios only)",
    )
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}; allowed: a whole number from 1")
    return int(text)


def _counts(text: str) -> list[int]:
    found = sorted({_positive(word) for word in text.split(",")})
    if found[-1] > MOST_HOSTS:
        raise argparse.ArgumentTypeError(f"{found[-1]}; allowed: up to {MOST_HOSTS}")
    return found


def _names(allowed: list[str]) -> Callable[[str], list[str]]:
    def read(text: str) -> list[str]:
        names = text.split(",")
        for name in names:
            if name not in allowed:
                raise argparse.ArgumentTypeError(f"{name!r}; allowed: {', '.join(allowed)}")
        return list(dict.fromkeys(names))

    return read
