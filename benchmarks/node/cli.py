"""The command line of this part of the harness."""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import machine
from benchmarks.node.cases import CASES, Case
from benchmarks.node.peers import compiled, original, peers
from benchmarks.node.samples import Samples
from benchmarks.node.series import Series
from benchmarks.node.table import render
from benchmarks.places import BENCHMARKS, OURS, WORK

RESULTS: Final = BENCHMARKS / "RESULTS-node.md"
_EXAMPLES: Final = """\
examples:
  python -m benchmarks.node                       everything; writes benchmarks/RESULTS-node.md
  python -m benchmarks.node --runs 1              each case once; shows the table
  python -m benchmarks.node --cases promise,help  cases whose names hold one of these; shows the table

A run that was broken off goes on where it was when it is started again in the same way. The table goes to standard
output, the samples to benchmarks/.work as JSON lines, progress to standard error.
"""


def main(words: list[str] | None = None) -> int:
    """Measure; returns the exit code, 1 when a case failed."""
    chosen = _parser().parse_args(words)
    WORK.mkdir(exist_ok=True)
    part = bool(chosen.cases or chosen.runs)
    described = machine.describe()
    path = WORK / ("node-part.jsonl" if part else "node.jsonl")
    samples = Samples(path, fresh=chosen.fresh or part)
    compiled(chosen.ours)
    found = original()
    series = Series(peers(chosen.ours, found), found.program("buildout"), samples, chosen.runs)
    failures = series.run(_cases(chosen.cases))
    text = render(f"{datetime.now(UTC):%Y-%m-%d}", described, samples.all, failures)
    print(text)
    if not part and not failures:
        RESULTS.write_text(text)
        path.replace(WORK / "node-last.jsonl")
    return int(bool(failures))


def _cases(parts: str) -> list[Case]:
    wanted = [part.strip() for part in parts.split(",")]
    return [case for case in CASES if any(part in case.name for part in wanted)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.node",
        description="Measure passes of our node beside those of the original.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--cases", default="", metavar="PARTS", help="only cases whose names hold one of these parts")
    add("--runs", type=int, help="runs of each case (default: 3 to 7)")
    add("--fresh", action="store_true", help="begin anew, whatever a broken run has left")
    add("--ours", type=Path, default=OURS.parent, metavar="FOLDER", help="where our commands are (default: .venv/bin)")
    return parser
