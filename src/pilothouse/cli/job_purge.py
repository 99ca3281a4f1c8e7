"""``pilothouse job purge``: remove old job data, or show what would be removed."""

import argparse
import sys
import time

import msgspec

from pilothouse.cli.autoexec_purge import report, tell
from pilothouse.cli.job import settings_of
from pilothouse.engine.purge import purge
from pilothouse.errors import UsageError


def purge_old(chosen: argparse.Namespace) -> int:
    """Delete jobs, histories and cached files older than so many days; returns 1 when something could not be."""
    if chosen.days < 1:
        raise UsageError("DAYS: 0; allowed: a number of days from 1 on")
    lines: list[str] = []
    say = lines.append if chosen.json else tell
    done = purge(settings_of(chosen).data, chosen.days, time.time(), say, dry=chosen.dry_run)
    if not chosen.json:
        return report(done, chosen.days, dry=chosen.dry_run)
    found = {"dryRun": chosen.dry_run, **msgspec.to_builtins(done), "lines": lines}
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    return 1 if done.errors else 0
