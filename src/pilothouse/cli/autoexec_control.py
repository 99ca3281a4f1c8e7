"""``autoexec --abort``, ``--pause`` and ``--cleanstatus`` (spec sections 1.5, 4.7 and 5.2)."""

import argparse
import asyncio
import shutil
import sys
from typing import Final

from pilothouse.cli.autoexec import home
from pilothouse.cli.autoexec_run import settings_of
from pilothouse.engine.journal import Journal
from pilothouse.engine.stop import Stopped, abort_job, pause_job
from pilothouse.engine.workspace import JobLock, Workspace, workspace

_CODES: Final = {Stopped.GONE: 0, Stopped.STILL_THERE: 1, Stopped.NOT_RUNNING: 2}


def control(chosen: argparse.Namespace) -> int:
    """Stop a job or forget its states; returns the documented exit code."""
    space = workspace(settings_of(home()).data, chosen.jobid)
    if chosen.cleanstatus:
        return asyncio.run(_clean(space))
    outcome = pause_job(space) if chosen.pause else abort_job(space)
    word = "paused" if chosen.pause else "aborted"
    said = {
        Stopped.GONE: f"INFO: Job {chosen.jobid} {word}.",
        Stopped.STILL_THERE: f"ERROR: Job {chosen.jobid} could not be {word}.",
        Stopped.NOT_RUNNING: f"WARN: Job {chosen.jobid} is not running.",
    }
    print(said[outcome], file=sys.stdout if outcome is Stopped.GONE else sys.stderr)
    return _CODES[outcome]


async def _clean(space: Workspace) -> int:
    if not space.journal.is_file():
        print(f"INFO: Job {space.job_id} has no status to clean.")
        return 0
    lock = JobLock(space)
    lock.acquire()
    journal = Journal(space.journal)
    await journal.open()
    try:
        await journal.forget()
        if (space.root / "status").is_dir():
            shutil.rmtree(space.root / "status")
    except OSError as error:
        print(f"ERROR: Status of job {space.job_id} cannot be cleaned: {error}", file=sys.stderr)
        return 1
    finally:
        await journal.close()
        lock.release()
    print(f"INFO: Status of job {space.job_id} cleaned.")
    return 0
