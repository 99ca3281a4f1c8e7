"""``autoexec --abort``, ``--pause`` and ``--cleanstatus`` (spec sections 1.5, 4.7 and 5.2)."""

import argparse
import asyncio
import shutil
import sys
from typing import Final

from pilothouse.cli.autoexec_site import Site, site
from pilothouse.controlserver.address import Server
from pilothouse.engine.journal import Journal
from pilothouse.engine.stop import Stopped, abort_job, pause_job
from pilothouse.engine.workspace import JobLock, Workspace, workspace
from pilothouse.errors import PilothouseError
from pilothouse.jobs.states import State

_CODES: Final = {Stopped.GONE: 0, Stopped.STILL_THERE: 1, Stopped.NOT_RUNNING: 2}


def control(chosen: argparse.Namespace) -> int:
    """Stop a job and tell the control server; returns the documented exit code."""
    here = site(chosen.passthroughenv)
    space = workspace(here.settings.data, chosen.jobid)
    outcome = pause_job(space) if chosen.pause else abort_job(space)
    state = State.PAUSED if chosen.pause else State.ABORTED
    said = {
        Stopped.GONE: f"INFO: Job {chosen.jobid} {state}.",
        Stopped.STILL_THERE: f"ERROR: Job {chosen.jobid} could not be {state}.",
        Stopped.NOT_RUNNING: f"WARN: Job {chosen.jobid} is not running.",
    }
    print(said[outcome], file=sys.stdout if outcome is Stopped.GONE else sys.stderr)
    if here.server is not None and not chosen.devmode and outcome is not Stopped.STILL_THERE:
        _report(here, here.server, space, state)
    return _CODES[outcome]


def _report(here: Site, server: Server, space: Workspace, state: State) -> None:
    """Tell the server that the job is stopped, also when it was not running: the server may think that it is."""
    from pilothouse.engine.server.pushes import Facts
    from pilothouse.engine.server.report import report_job

    facts = Facts(job_id=space.job_id, runner_id=here.settings.runner_id, pass_through=here.pass_through)
    if trouble := asyncio.run(report_job(server, facts, space, state)):
        print(f"WARN: The control server could not be told: {trouble}", file=sys.stderr)


def clean(chosen: argparse.Namespace) -> int:
    """Forget a job's states, so that the next run does everything again; returns 0, or 1 when that failed."""
    space = workspace(site().settings.data, chosen.jobid)
    try:
        known = asyncio.run(_clean(space))
    except (PilothouseError, OSError) as error:
        print(f"ERROR: Status of job {space.job_id} cannot be cleaned: {error}", file=sys.stderr)
        return 1
    print(
        f"INFO: Status of job {space.job_id} cleaned." if known else f"INFO: Job {space.job_id} has no status to clean."
    )
    return 0


async def _clean(space: Workspace) -> bool:
    """Forget states in the journal and remove the status files; returns whether there was anything."""
    status = space.root / "status"
    if not space.journal.is_file() and not status.is_dir():
        return False
    lock = JobLock(space)
    lock.acquire()
    try:
        if space.journal.is_file():
            journal = Journal(space.journal)
            await journal.open()
            try:
                await journal.forget()
            finally:
                await journal.close()
        if status.is_dir():
            shutil.rmtree(status)
    finally:
        lock.release()
    return True
