"""``autoexec`` in run mode: the documented job directory, files and filters (spec sections 1.2 to 1.9)."""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from pilothouse.cli.autoexec import home
from pilothouse.engine.assembly import run_here
from pilothouse.engine.request import Request, read_job
from pilothouse.engine.workspace import Workspace, workspace
from pilothouse.errors import UsageError
from pilothouse.files import write_atomic
from pilothouse.jobs.plan import Selection
from pilothouse.jobs.states import State
from pilothouse.settings import Settings, load

_CODES: Final = {
    State.SUCCEEDED: 0,
    State.COMPLETED: 0,
    State.FAILED: 1,
    State.PAUSED: 4,
    State.ABORTED: 5,
}


def run(chosen: argparse.Namespace) -> int:
    """Run a job in its documented directory; returns the documented exit code."""
    pass_through = _pass_through(chosen)
    base = home()
    settings = settings_of(base, _runner_id(pass_through))
    space = workspace(settings.data, chosen.jobid)
    space.create()
    beside = _take_over(chosen, space)
    if not space.params.is_file():
        raise MissingParamsError(f"job {chosen.jobid} has no params.json in {space.root}; name one with --paramsfile")
    nodes_file = space.nodes if space.nodes.is_file() else None
    job, nodes = read_job(space.params, nodes_file, job_id=None if chosen.jobid == "0" else chosen.jobid)
    tenant = os.environ.get("tenant") or os.environ.get("TENANT") or "none"  # noqa: SIM112 - documented in lower case
    job = msgspec.structs.replace(job, tenant=job.tenant if job.tenant != "none" else tenant)
    request = Request(
        job=job,
        nodes=nodes,
        source=str(space.params),
        selection=_selection(chosen, settings),
        user=chosen.execuser,
        force=chosen.force,
        fresh=chosen.firstfire and not chosen.reuseconslog,
        dev_mode=chosen.devmode,
        pass_through=json.dumps({**job.pass_through, **pass_through}),
        home=str(base or ""),
        beside=beside,
    )
    result = asyncio.run(run_here(request, space, settings, echo=_echo))
    for line in result.trouble:
        print(f"autoexec: a file of the job could not be written: {line}", file=sys.stderr)
    return _CODES[result.state]


class MissingParamsError(UsageError):
    """Neither a params file was named nor does the job directory have one."""


def settings_of(base: Path | None, runner_id: int | None = None) -> Settings:
    """Return the settings with the data and plugin folders of an AUTOEXEC_HOME."""
    if base is None:
        return load(runner_id=runner_id)
    plugins = (base / "plugins",) if (base / "plugins").is_dir() else None
    return load(data=base / "data", plugins=plugins, runner_id=runner_id)


def _take_over(chosen: argparse.Namespace, space: Workspace) -> Path | None:
    """Copy the named documents into the job directory: always on the first fire, else only what is missing."""
    beside = None
    for given, target in ((chosen.paramsfile, space.params), (chosen.nodesfile, space.nodes)):
        if not given:
            continue
        source = _found(given, space)
        if target == space.params:
            beside = source.parent
        if source != target and (chosen.firstfire or not target.is_file()):
            write_atomic(target, source.read_bytes(), mode=0o600)
    return beside


def _found(given: str, space: Workspace) -> Path:
    """Return a document named relative to the job directory or to the current one."""
    for place in (space.root / given, Path.cwd() / given):
        if place.is_file():
            return place
    raise MissingFileError(f"{given}: no such file in {space.root} or {Path.cwd()}")


class MissingFileError(UsageError):
    """A named document does not exist."""


def _selection(chosen: argparse.Namespace, settings: Settings) -> Selection:
    return Selection(
        groups=tuple(_integer("--phasegroups", item) for item in _items(chosen.phasegroups)),
        phases=tuple(_items(chosen.phases)),
        nodes=tuple(_integer("--nodes", item) for item in _items(chosen.nodes)),
        runner_id=settings.runner_id,
    )


def _items(text: str) -> list[str]:
    """Split a list; the stock runner joins items with quote-comma-quote."""
    return [item for part in text.split(",") if (item := part.strip().strip("'\""))]


def _integer(flag: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{flag}: {text!r} is no integer") from None


def _pass_through(chosen: argparse.Namespace) -> dict[str, Any]:
    for flag, text in (
        ("--passthroughenv", chosen.passthroughenv),
        ("PASSTHROUGH_ENV", os.environ.get("PASSTHROUGH_ENV")),
    ):
        if text:
            try:
                found = json.loads(text)
            except json.JSONDecodeError as error:
                raise UsageError(f"{flag}: no JSON: {error}") from None
            if not isinstance(found, dict):
                raise UsageError(f"{flag}: {text}; allowed: a JSON object")
            return found
    return {}


def _runner_id(pass_through: dict[str, Any]) -> int | None:
    given = pass_through.get("runnerId", os.environ.get("RUNNER_ID"))
    return None if given is None else _integer("runnerId", str(given))


def _echo(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
