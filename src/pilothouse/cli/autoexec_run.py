"""``autoexec`` in run mode: the documented job directory, files and filters (spec sections 1.2 to 1.9)."""

import argparse
import asyncio
import gc
import json
import os
import sys
from pathlib import Path
from typing import Final

import msgspec

from pilothouse.cli.autoexec_site import Site, integer, site
from pilothouse.cli.job_options import JobOptions
from pilothouse.controlserver.address import Server
from pilothouse.engine.assembly import run_here
from pilothouse.engine.deployment import context, inputs
from pilothouse.engine.request import JobResult, Request, read_job
from pilothouse.engine.workspace import Workspace, workspace
from pilothouse.errors import UsageError
from pilothouse.files import write_atomic
from pilothouse.jobs.plan import Selection
from pilothouse.jobs.states import State
from pilothouse.settings import Settings

_CODES: Final = {
    State.SUCCEEDED: 0,
    State.COMPLETED: 0,
    State.FAILED: 1,
    State.PAUSED: 4,
    State.ABORTED: 5,
}


def run(chosen: argparse.Namespace) -> int:
    """Run a job in its documented directory; returns the documented exit code."""
    here = site(chosen.passthroughenv)
    server = here.server if chosen.devmode else here.require_server()
    if not chosen.devmode and chosen.jobid == "0":
        raise UsageError("which job? name it with --jobid, or add --devmode to run without a control server")
    space = workspace(here.settings.data, chosen.jobid)
    space.create()
    beside = _take_over(chosen, space)
    # what has been loaded stays: no look for circles need pass over it
    gc.freeze()
    if server is not None and not chosen.devmode:
        result = _run_under(server, chosen, here, space, beside)
    elif server is not None and (space.params.is_file() or chosen.jobid != "0"):
        result = asyncio.run(_run_borrowing(server, chosen, here, space, beside))
    else:
        result = asyncio.run(run_here(_request(chosen, here, space, beside), space, here.settings, echo=_echo))
    for line in result.trouble:
        print(f"autoexec: a file of the job could not be written: {line}", file=sys.stderr)
    return _CODES[result.state]


def _request(chosen: argparse.Namespace, here: Site, space: Workspace, beside: Path | None) -> Request:
    """Return what to run without reporting to a control server."""
    if not space.params.is_file():
        raise MissingParamsError(f"job {chosen.jobid} has no params.json in {space.root}; name one with --paramsfile")
    nodes_file = space.nodes if space.nodes.is_file() else None
    job, nodes = read_job(space.params, nodes_file, job_id=None if chosen.jobid == "0" else chosen.jobid)
    given = inputs(job.environment, os.environ)
    job = msgspec.structs.replace(
        job, environment={**job.environment, **context(given, here.settings.data, str(here.base or ""))}
    )
    request = Request(
        job=msgspec.structs.replace(job, tenant=job.tenant if job.tenant != "none" else here.tenant),
        nodes=nodes,
        source=str(space.params),
        selection=_selection(chosen, here.settings),
        user=chosen.execuser,
        force=chosen.force,
        fresh=chosen.firstfire and not chosen.reuseconslog,
        dev_mode=True,
        pass_through=json.dumps({**job.pass_through, **here.pass_through}),
        home=str(here.base or ""),
        beside=beside,
        sql_files=_sql_files(chosen.sqlfiles),
    )
    return msgspec.structs.replace(request, record=_options(request, nodes_file).record())


def _options(request: Request, nodes_file: Path | None) -> JobOptions:
    return JobOptions(
        user=request.user,
        selection=request.selection,
        nodes_file=nodes_file is not None,
        beside=request.beside,
        home=request.home,
        dev_mode=request.dev_mode,
        pass_through=request.pass_through,
        sql_files=request.sql_files,
    )


async def _run_borrowing(
    server: Server, chosen: argparse.Namespace, here: Site, space: Workspace, beside: Path | None
) -> JobResult:
    """Run in dev mode; what is missing here comes from the control server."""
    from pilothouse.controlserver.client import Client
    from pilothouse.engine.server.loans import Loans, borrow

    client = Client(server)
    try:
        selection = _selection(chosen, here.settings)
        await borrow(client, space, selection, beside, job_id=chosen.jobid, first=chosen.firstfire)
        request = _request(chosen, here, space, beside)
        link = Loans(client, space, here.settings.data)
        return await run_here(request, space, here.settings, echo=_echo, link=link)
    finally:
        await client.close()


def _run_under(
    server: Server, chosen: argparse.Namespace, here: Site, space: Workspace, beside: Path | None
) -> JobResult:
    """Run a job that a control server knows."""
    from pilothouse.engine.server.production import Order, run_under_server

    selection = _selection(chosen, here.settings)
    options = JobOptions(
        user=chosen.execuser,
        selection=selection,
        beside=beside,
        home=str(here.base or ""),
        pass_through=json.dumps(here.pass_through),
        under_server=True,
        own_nodes=bool(chosen.nodesfile),
        fire_next=not chosen.nofirenext,
        sql_files=_sql_files(chosen.sqlfiles),
    )
    order = Order(
        selection=selection,
        user=chosen.execuser,
        force=chosen.force,
        first=chosen.firstfire,
        fresh=chosen.firstfire and not chosen.reuseconslog,
        own_params=bool(chosen.paramsfile),
        own_nodes=bool(chosen.nodesfile),
        fire_next=not chosen.nofirenext,
        pass_through=here.pass_through,
        home=str(here.base or ""),
        beside=beside,
        sql_files=options.sql_files,
        record=options.record(),
    )
    result, unsent = asyncio.run(run_under_server(order, server, space, here.settings, echo=_echo))
    if unsent:
        print(
            f"autoexec: {unsent} status pushes could not be delivered; the next start of job {chosen.jobid} sends them",
            file=sys.stderr,
        )
    return result


class MissingParamsError(UsageError):
    """Neither a params file was named nor does the job directory have one."""


def _take_over(chosen: argparse.Namespace, space: Workspace) -> Path | None:
    """Copy the named documents into the job directory: always on the first fire, else only what is missing."""
    beside = None
    for given, target in ((chosen.paramsfile, space.params), (chosen.nodesfile, space.nodes)):
        if not given:
            continue
        source = _found(given, space)
        if target == space.params:
            beside = source.parent
        if source == target:
            continue
        content = source.read_bytes()
        if chosen.firstfire or not target.is_file():
            write_atomic(target, content, mode=0o600)
        elif content != target.read_bytes():
            print(
                f"autoexec: warning: {source} is not used: {target} is there; add --firstfire to replace it",
                file=sys.stderr,
            )
    return beside


def _found(given: str, space: Workspace) -> Path:
    """Return a document named relative to the job directory or to the current one."""
    for place in (space.root / given, Path.cwd() / given):
        if place.is_file():
            return place
    where = "" if Path(given).is_absolute() else f" in {space.root} or {Path.cwd()}"
    raise MissingFileError(f"{given}: no such file{where}")


class MissingFileError(UsageError):
    """A named document does not exist."""


def _selection(chosen: argparse.Namespace, settings: Settings) -> Selection:
    return Selection(
        groups=tuple(integer("--phasegroups", item) for item in _items(chosen.phasegroups)),
        phases=tuple(_items(chosen.phases)),
        nodes=tuple(integer("--nodes", item) for item in _items(chosen.nodes)),
        runner_id=settings.runner_id,
    )


def _items(text: str) -> list[str]:
    """Split a list; the stock runner joins items with quote-comma-quote."""
    return [item for part in text.split(",") if (item := part.strip().strip("'\""))]


def _sql_files(text: str | None) -> str:
    """Return the list of SQL files as one line of JSON; each item must name its ``sqlFile``."""
    if not text:
        return ""
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"--sqlfiles: no JSON: {error}") from None
    if not isinstance(found, list):
        raise UsageError('--sqlfiles: allowed: a JSON list of objects like {"sqlFile": "1.sql", "resourceId": 7}')
    for index, item in enumerate(found):
        if not isinstance(item, dict) or not isinstance(item.get("sqlFile"), str):
            raise UsageError(f'--sqlfiles: $[{index}]: allowed: an object like {{"sqlFile": "1.sql", "resourceId": 7}}')
    return json.dumps(found, ensure_ascii=False)


def _echo(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
