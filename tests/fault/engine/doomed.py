"""Runs a job in a process of its own that is killed (SIGKILL) at the journal write it is told.

Usage: doomed.py JOB.json NODES.json DATA POINT WHEN     POINT counts commits from 1 (0: never), WHEN is
before or after the commit. Exit codes are those of the engine's states; SSH settings come from the environment.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pilothouse.engine.assembly import run_here
from pilothouse.engine.journal import Journal
from pilothouse.engine.request import Request, read_job
from pilothouse.engine.workspace import workspace
from pilothouse.jobs.states import State
from pilothouse.settings import load


class DoomedJournal(Journal):
    """Kills the process at one of its writes."""

    point = 0
    before = True
    count = 0

    def _commit(self, rows: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
        DoomedJournal.count += 1
        doomed = DoomedJournal.count == DoomedJournal.point
        if doomed and DoomedJournal.before:
            os.kill(os.getpid(), signal.SIGKILL)
        super()._commit(rows)
        if doomed:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    params, nodes_file, data, point, when = sys.argv[1:]
    DoomedJournal.point, DoomedJournal.before = int(point), when == "before"
    import pilothouse.engine.runner

    setattr(pilothouse.engine.runner, "Journal", DoomedJournal)  # noqa: B010 - the module exports no such name
    settings = load(data=Path(data))
    job, nodes = read_job(Path(params), Path(nodes_file))
    request = Request(job=job, nodes=nodes, source=params)
    result = asyncio.run(run_here(request, workspace(settings.data, job.id), settings))
    assert result.trouble == ()
    return 0 if result.state is State.SUCCEEDED else 1


if __name__ == "__main__":
    sys.exit(main())
