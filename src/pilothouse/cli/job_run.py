"""``pilothouse job run``: run a job and show it at work."""

import argparse
import asyncio
import getpass
import sys
from typing import Final

from pilothouse.cli.display.progress import display_for
from pilothouse.cli.job import further, selection_of, settings_of
from pilothouse.clock import SystemClock
from pilothouse.engine.assembly import run_here
from pilothouse.engine.request import JobResult, Request, read_job
from pilothouse.engine.workspace import workspace
from pilothouse.errors import ExitCode
from pilothouse.files import write_atomic
from pilothouse.jobs.states import State

_CODES: Final = {
    State.SUCCEEDED: ExitCode.SUCCESS,
    State.COMPLETED: ExitCode.SUCCESS,
    State.PAUSED: ExitCode.STILL_RUNNING,
    State.ABORTED: ExitCode.ABORTED,
}


def run(chosen: argparse.Namespace) -> int:
    """Run a job; returns the exit code of its end state."""
    settings = settings_of(chosen)
    job, nodes = read_job(chosen.params, chosen.nodes_file, job_id=chosen.job_id)
    request = Request(
        job=job,
        nodes=nodes,
        source=str(chosen.params),
        selection=selection_of(chosen, settings),
        user=chosen.user or getpass.getuser(),
        force=chosen.force,
        beside=chosen.params.absolute().parent,
    )
    space = workspace(settings.data, job.id)
    space.create()
    write_atomic(space.params, chosen.params.read_bytes(), mode=0o600)
    if chosen.nodes_file:
        write_atomic(space.nodes, chosen.nodes_file.read_bytes(), mode=0o600)
    display = display_for(
        sys.stdout,
        SystemClock(),
        as_json=chosen.json,
        plain=chosen.plain,
        paths={"logs": str(space.root / "log")},
        again=chosen.again,
        further=further(chosen),
    )
    result = asyncio.run(run_here(request, space, settings, displays=[display]))
    for line in result.trouble:
        print(f"pilothouse: the record is not complete, a file could not be written: {line}", file=sys.stderr)
    return exit_code(result)


def exit_code(result: JobResult) -> int:
    """Return what the shell is told: 6 rather than 4 when some nodes did succeed."""
    if result.state is not State.FAILED:
        return _CODES[result.state]
    some = result.tally.succeeded + result.tally.ignored + result.tally.skipped
    return ExitCode.PARTLY_FAILED if some else ExitCode.FAILED
