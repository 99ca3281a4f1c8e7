"""The command line of this part of the harness."""

import argparse
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from benchmarks import machine
from benchmarks.places import BENCHMARKS, OURS, WORK
from benchmarks.server.masters import masters
from benchmarks.server.processes import ServerError
from benchmarks.server.results import Result, Start
from benchmarks.server.series import Plan, Series, all_masters
from benchmarks.server.starts import starts
from benchmarks.server.table import render

RESULTS: Final = BENCHMARKS / "RESULTS-server.md"
_EXAMPLES: Final = """\
examples:
  python -m benchmarks.server                         everything; writes benchmarks/RESULTS-server.md
  python -m benchmarks.server --quick                 10 instances, short loads; shows the table
  python -m benchmarks.server --masters proxy --sizes 1000
  python -m benchmarks.server --masters none          the start-up of commands only

The table goes to standard output, the raw records to benchmarks/.work as JSON lines, progress to standard error.
"""


def main(words: list[str] | None = None) -> int:
    """Measure; returns the exit code, 1 when a master failed."""
    chosen = _parser().parse_args(words)
    WORK.mkdir(exist_ok=True)
    described = machine.describe()
    found: list[Result] = []
    made: list[Start] = []
    records = WORK / "server.jsonl"
    records.write_bytes(b"")

    def told(record: Result | Start) -> None:
        (found if isinstance(record, Result) else made).append(record)  # type: ignore[arg-type]
        with records.open("ab") as stream:
            stream.write(msgspec.json.encode(record) + b"\n")
        print(_line(record), file=sys.stderr, flush=True)

    known = masters(chosen.ours)
    names = [] if chosen.masters == ["none"] else chosen.masters or list(known)
    plan = Plan(sizes=(10,) if chosen.quick else tuple(chosen.sizes), clients=(1, 16),
                seconds=0.5 if chosen.quick else chosen.seconds)  # fmt: skip
    failures = all_masters(Series(plan, WORK, told), [(name, known[name]) for name in names])
    folder = Path(tempfile.mkdtemp(prefix="starts-", dir=WORK))
    try:
        starts(chosen.ours, folder, 3 if chosen.quick else chosen.starts, told)
    except ServerError as error:
        failures.append(f"start-up: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = render(f"{datetime.now(UTC):%Y-%m-%d}", described, found, made, failures)
    print(text)
    results = chosen.results or (None if chosen.quick or chosen.masters else RESULTS)
    if results:
        results.write_text(text)
    return int(bool(failures))


def _line(record: Result | Start) -> str:
    if isinstance(record, Start):
        return f"{record.command}, {record.whose}: {1000 * record.cpu:.0f} ms"
    return (
        f"{record.master}, {record.instances} instances, {record.work}, {record.clients} clients, "
        f"{'kept' if record.kept else 'new'} connections: {record.rate:.1f}/s, p99 {record.p99:.1f} ms, "
        f"CPU {record.cpu:.3f} ms, {record.failed} failed, {record.lost} lost {record.reason[:80]}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.server",
        description="Measure our control server beside the original slapos proxy, and the start-up of commands.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--masters", type=_names, default=[], help=f"some of: {','.join(masters(Path()))}; none; default: all")
    add("--sizes", type=_sizes, default=[10, 100, 1000, 10000], help="numbers of instances (10,100,1000,10000)")
    add("--seconds", type=float, default=2.0, help="duration of each load (default: 2)")
    add("--starts", type=int, default=7, help="starts of each command (default: 7)")
    add("--quick", action="store_true", help="10 instances and short loads")
    add("--ours", type=Path, default=OURS.parent, metavar="FOLDER", help="where our commands are (default: .venv/bin)")
    add("--results", type=Path, metavar="FILE", help="write the table there (default: RESULTS-server.md, if complete)")
    return parser


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    known = masters(Path())
    for name in names:
        if name not in known and names != ["none"]:
            raise argparse.ArgumentTypeError(f"{name!r}; allowed: {', '.join(known)}")
    return names


def _sizes(text: str) -> list[int]:
    try:
        return sorted({int(word) for word in text.split(",")})
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}; allowed: whole numbers with commas between") from None
