"""``autoexec --purgejobdata DAYS`` (spec section 10.2)."""

import argparse
import sys
import time

from pilothouse.cli.autoexec_site import site
from pilothouse.engine.purge import Purged, purge
from pilothouse.errors import UsageError


def purge_jobs(chosen: argparse.Namespace) -> int:
    """Delete old job data; returns 0, or 1 when something could not be deleted."""
    days = chosen.purgejobdata
    if days < 1:
        raise UsageError(f"--purgejobdata: {days}; allowed: a number of days from 1 on")
    return report(purge(site().settings.data, days, time.time(), tell), days)


def report(done: Purged, days: int, *, dry: bool = False) -> int:
    """Print what was done, or would be; returns 0, or 1 when something could not be deleted."""
    spared = f", {done.running} running and kept" if done.running else ""
    print(
        f"INFO: {done.jobs} jobs, {done.histories} history files and {done.cached} cached files older than "
        f"{days} days {'would be ' if dry else ''}removed{spared}, {len(done.errors)} errors."
    )
    return 1 if done.errors else 0


def tell(line: str) -> None:
    """Print a line of the purge where it belongs."""
    print(line, file=sys.stderr if line.startswith("ERROR") else sys.stdout)
