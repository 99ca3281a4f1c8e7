"""Runs jobs in processes of their own that are killed (SIGKILL) at the journal write they are told.

Each line of stdin is an order: a JSON list of JOB.json, NODES.json, DATA, POINT (counts commits from 1; 0: never),
WHEN (before or after the commit) and the file for what is said. The answers are lines too: the number of the process,
and its exit code when it has ended, -9 when it was killed. Everything is imported once and a process is forked for
each order: to start an interpreter each time would take longer than the jobs.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pilothouse.engine.runner
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


def run(params: str, nodes_file: str, data: str, point: int, when: str) -> int:
    """Run a job; returns 0 when it succeeded."""
    DoomedJournal.point, DoomedJournal.before = point, when == "before"
    settings = load(data=Path(data))
    job, nodes = read_job(Path(params), Path(nodes_file))
    request = Request(job=job, nodes=nodes, source=params)
    result = asyncio.run(run_here(request, workspace(settings.data, job.id), settings))
    assert result.trouble == ()
    return 0 if result.state is State.SUCCEEDED else 1


def carry_out(*order: Any, said: str) -> None:
    """Become the process that runs a job."""
    target = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor in (1, 2):
        os.dup2(target, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.exit(run(*order))


def answer(number: int) -> None:
    """Write a line of its own."""
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def main() -> None:
    setattr(pilothouse.engine.runner, "Journal", DoomedJournal)  # noqa: B010 - the module exports no such name
    while line := sys.stdin.readline():
        *order, said = json.loads(line)
        child = os.fork()
        if child == 0:
            carry_out(*order, said=said)
        answer(child)
        answer(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    main()
