"""``pilothouse job retry``: ask for a job again as it was asked for, for what failed or was never reached."""

import argparse
import asyncio
from pathlib import Path

import msgspec

from pilothouse.cli.job_options import JobOptions, recorded
from pilothouse.cli.job_run import finish, shown
from pilothouse.cli.job_standing import existing
from pilothouse.engine.assembly import run_here
from pilothouse.engine.journal_rows import NodeRow
from pilothouse.engine.records import records
from pilothouse.engine.request import JobResult, Request, read_job
from pilothouse.engine.workspace import Workspace, engine_pid
from pilothouse.errors import ExitCode, JobBusyError, UsageError
from pilothouse.jobs.nodes import LOCAL
from pilothouse.jobs.plan import Selection
from pilothouse.jobs.states import FINISHED, State
from pilothouse.settings import Settings, load


def retry(chosen: argparse.Namespace) -> int:
    """Run a job again from its run folder. Raises JobBusyError while it is running."""
    space = existing(chosen)
    if pid := engine_pid(space):
        raise JobBusyError(space.job_id, pid)
    with records(space.journal) as known:
        options = recorded(known)
        rows = known.nodes()
    settings = _settings(chosen, options)
    selection = options.selection
    if chosen.failed_only:
        narrowed = failed_only(selection, rows)
        if narrowed is None:
            if chosen.json:
                print(msgspec.json.encode({"job_id": space.job_id, "failed": 0}).decode())
            else:
                print(f"no node of job {space.job_id} has failed; without --failed-only: what was never reached")
            return ExitCode.SUCCESS
        selection = narrowed
    return finish(asyncio.run(_again(space, options, selection, settings, chosen)))


async def _again(
    space: Workspace, options: JobOptions, selection: Selection, settings: Settings, chosen: argparse.Namespace
) -> JobResult:
    display = shown(chosen, space)
    if options.under_server:
        from pilothouse.cli.job_server import retry_under_server

        return await retry_under_server(options, selection, space, chosen, display, settings.data)
    request = _request(space, options, selection)
    if options.dev_mode:
        from pilothouse.cli.job_server import run_with_loans

        return await run_with_loans(options, request, space, settings, display)
    return await run_here(request, space, settings, displays=[display])


def failed_only(selection: Selection, rows: list[NodeRow]) -> Selection | None:
    """Narrow a selection to the phases and nodes that were started and did not succeed; None if there is none."""
    failed = [row for row in rows if State(row.state) not in FINISHED and _selected(selection, row)]
    if not failed:
        return None
    nodes = tuple(dict.fromkeys(row.resource_id for row in failed if row.resource_id != LOCAL.resource_id))
    phases = tuple(dict.fromkeys(row.phase for row in failed))
    return msgspec.structs.replace(selection, phases=phases, nodes=nodes or selection.nodes)


def _selected(selection: Selection, row: NodeRow) -> bool:
    return (not selection.phases or row.phase in selection.phases) and (
        not selection.nodes or row.resource_id in {*selection.nodes, LOCAL.resource_id}
    )


def _request(space: Workspace, options: JobOptions, selection: Selection) -> Request:
    if not space.params.is_file():
        raise UsageError(f"job {space.job_id} has no params.json in {space.root}; run it with: pilothouse job run")
    nodes_file = space.nodes if options.nodes_file and space.nodes.is_file() else None
    job, nodes = read_job(space.params, nodes_file, job_id=space.job_id)
    return Request(
        job=job,
        nodes=nodes,
        source=str(space.params),
        selection=selection,
        user=options.user or "anonymous",
        dev_mode=options.dev_mode,
        pass_through=options.pass_through,
        home=options.home,
        beside=options.beside,
        sql_files=options.sql_files,
        record=options.record(),
    )


def _settings(chosen: argparse.Namespace, options: JobOptions) -> Settings:
    """Return the settings of the last run; what is said now wins over what was said then."""
    plugins = Path(options.home, "plugins") if options.home else None
    return load(
        chosen.config or options.config,
        data=chosen.data,
        host_keys=chosen.host_keys or options.host_keys,
        known_hosts=chosen.known_hosts or options.known_hosts or None,
        identities=chosen.identities or options.identities or None,
        concurrency=chosen.concurrency or options.concurrency,
        plugins=(plugins,) if plugins and plugins.is_dir() else None,
        runner_id=options.selection.runner_id,
    )
