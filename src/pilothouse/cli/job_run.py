"""``pilothouse job run``: run a job and show it at work."""

import argparse
import asyncio
import gc
import getpass
import json
import sys
from pathlib import Path
from typing import Final

import msgspec

from pilothouse.cli.display.palette import clean
from pilothouse.cli.display.progress import display_for
from pilothouse.cli.job import hints_of, selection_of, settings_of
from pilothouse.cli.job_options import JobOptions
from pilothouse.clock import SystemClock
from pilothouse.engine.assembly import run_here
from pilothouse.engine.events import Observer
from pilothouse.engine.request import JobResult, Request, read_job, read_text
from pilothouse.engine.workspace import Workspace, engine_pid, workspace
from pilothouse.errors import ExitCode, JobBusyError
from pilothouse.files import write_atomic
from pilothouse.jobs.oddities import oddities
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
    for item in oddities(json.loads(read_text(chosen.params))):
        print(f"pilothouse: warning: {chosen.params}: {clean(item.place)}: {clean(item.text)}", file=sys.stderr)
    request = Request(
        job=job,
        nodes=nodes,
        source=str(chosen.params),
        selection=selection_of(chosen, settings),
        user=chosen.user or getpass.getuser(),
        force=chosen.force,
        beside=chosen.params.absolute().parent,
    )
    request = msgspec.structs.replace(request, record=_options(chosen, request).record())
    space = workspace(settings.data, job.id)
    # its documents must not be replaced while an engine works by them
    if pid := engine_pid(space):
        raise JobBusyError(job.id, pid)
    space.create()
    write_atomic(space.params, chosen.params.read_bytes(), mode=0o600)
    if chosen.nodes_file:
        write_atomic(space.nodes, chosen.nodes_file.read_bytes(), mode=0o600)
    # what has been loaded stays: no look for circles need pass over it
    gc.freeze()
    return finish(asyncio.run(run_here(request, space, settings, displays=[shown(chosen, space)])))


def shown(chosen: argparse.Namespace, space: Workspace) -> Observer:
    """Return the display that was asked for."""
    return display_for(
        sys.stdout,
        SystemClock(),
        as_json=chosen.json,
        plain=chosen.plain,
        paths={"logs": str(space.root / "log")},
        hints=hints_of(chosen),
    )


def finish(result: JobResult) -> int:
    """Tell of files that could not be written, and return the exit code."""
    for line in result.trouble:
        print(f"pilothouse: the record is not complete, a file could not be written: {line}", file=sys.stderr)
    return exit_code(result)


def exit_code(result: JobResult) -> int:
    """Return what the shell is told: 6 rather than 4 when some nodes did succeed."""
    if result.state is not State.FAILED:
        return _CODES[result.state]
    some = result.tally.succeeded + result.tally.ignored + result.tally.skipped
    return ExitCode.PARTLY_FAILED if some else ExitCode.FAILED


def _options(chosen: argparse.Namespace, request: Request) -> JobOptions:
    return JobOptions(
        user=request.user,
        selection=request.selection,
        nodes_file=chosen.nodes_file is not None,
        beside=request.beside,
        config=chosen.config and chosen.config.absolute(),
        host_keys=chosen.host_keys,
        known_hosts=_absolute(chosen.known_hosts),
        identities=_absolute(chosen.identities),
        concurrency=chosen.concurrency,
    )


def _absolute(paths: list[Path] | None) -> tuple[Path, ...]:
    return tuple(path.expanduser().absolute() for path in paths or ())
