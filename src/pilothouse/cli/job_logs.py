"""``pilothouse job logs``: the console log of a job, or the logs of its nodes."""

import argparse
import asyncio
import shutil
import sys
from pathlib import Path

from pilothouse.cli.job_show import existing
from pilothouse.engine.journal import Journal, NodeRow
from pilothouse.engine.workspace import Workspace
from pilothouse.errors import ExitCode, UsageError


def logs(chosen: argparse.Namespace) -> int:
    """Print logs; raises UsageError when the job has no such node or log."""
    space = existing(chosen)
    if not chosen.nodes:
        _copy(space.console)
        return ExitCode.SUCCESS
    rows = [row for row in asyncio.run(_rows(space)) if chosen.phase in {None, row.phase}]
    wanted = [row for name in chosen.nodes for row in _matching(name, rows)]
    for number, row in enumerate(wanted):
        if len(wanted) > 1:
            print(f"{chr(10) if number else ''}==> {row.phase} {row.key}: {row.state}", flush=True)
        _copy(space.root / "log" / row.phase / f"{row.key}.txt")
    return ExitCode.SUCCESS


def _matching(name: str, rows: list[NodeRow]) -> list[NodeRow]:
    exact = [row for row in rows if name in {row.key, str(row.resource_id)}]
    found = exact or [row for row in rows if row.key.rsplit("-", 2)[0] == name]
    if not found:
        known = ", ".join(sorted({row.key for row in rows})[:10]) or "none yet"
        raise UsageError(f"no node {name} has run in this job; nodes so far: {known}")
    return found


async def _rows(space: Workspace) -> list[NodeRow]:
    journal = Journal(space.journal)
    await journal.open()
    try:
        return await journal.node_rows()
    finally:
        await journal.close()


def _copy(path: Path) -> None:
    try:
        with path.open("rb") as stream:
            shutil.copyfileobj(stream, sys.stdout.buffer)
    except FileNotFoundError:
        raise UsageError(f"there is no log at {path}; the node has not started yet, or its logs were purged") from None
    sys.stdout.buffer.flush()
