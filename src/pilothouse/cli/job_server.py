"""``pilothouse job retry`` of jobs that a control server knows: asked for as ``autoexec`` asked for them."""

import argparse
import sys
from pathlib import Path

import msgspec

from pilothouse.cli.autoexec_site import Site, site
from pilothouse.cli.job_options import JobOptions
from pilothouse.controlserver.client import Client
from pilothouse.engine.assembly import run_here
from pilothouse.engine.events import Observer
from pilothouse.engine.request import JobResult, Request
from pilothouse.engine.server.loans import Loans
from pilothouse.engine.server.production import Order, run_under_server
from pilothouse.engine.workspace import Workspace
from pilothouse.jobs.plan import Selection
from pilothouse.settings import Settings


def site_of(options: JobOptions) -> Site:
    """Return the installation that the job was started from. Raises UsageError, SettingsError."""
    return site(options.pass_through, base=Path(options.home) if options.home else None)


def with_choices(settings: Settings, chosen: argparse.Namespace, data: Path) -> Settings:
    """Return an installation's settings; what is said now wins."""
    names = ("host_keys", "known_hosts", "identities", "concurrency")
    said = {name: value for name in names if (value := getattr(chosen, name, None))}
    said |= {name: tuple(value) for name, value in said.items() if isinstance(value, list)}
    return msgspec.structs.replace(settings, data=data, **said)


async def retry_under_server(
    options: JobOptions,
    selection: Selection,
    space: Workspace,
    chosen: argparse.Namespace,
    display: Observer,
    data: Path,
) -> JobResult:
    """Run a job again and report it, with the next group asked for as before. Raises as `run_under_server`."""
    here = site_of(options)
    order = Order(
        selection=selection,
        user=options.user or "anonymous",
        own_nodes=options.own_nodes,
        fire_next=options.fire_next,
        pass_through=here.pass_through,
        home=options.home,
        beside=options.beside,
        sql_files=options.sql_files,
        record=options.record(),
    )
    settings = with_choices(here.settings, chosen, data)
    result, unsent = await run_under_server(
        order, here.require_server(), space, settings, displays=[display], notice=_notice
    )
    if unsent:
        print(
            f"pilothouse: {unsent} status pushes wait; the next start of job {space.job_id} sends them",
            file=sys.stderr,
        )
    return result


def _notice(text: str) -> None:
    print(f"pilothouse: {text}", file=sys.stderr, flush=True)


async def run_with_loans(
    options: JobOptions, request: Request, space: Workspace, settings: Settings, display: Observer
) -> JobResult:
    """Run a job of dev mode again; files that its operations name by id come from its control server, if it has one."""
    server = site_of(options).server if options.home else None
    if server is None:
        return await run_here(request, space, settings, displays=[display])
    client = Client(server)
    try:
        link = Loans(client, space, settings.data)
        return await run_here(request, space, settings, displays=[display], link=link)
    finally:
        await client.close()
