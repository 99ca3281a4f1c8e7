"""A run under a control server: everything fetched first, reported while it runs, followed by the next group."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from pilothouse.controlserver.address import Server
from pilothouse.controlserver.client import Client
from pilothouse.engine.assembly import run_here
from pilothouse.engine.control import Control
from pilothouse.engine.events import Observer
from pilothouse.engine.request import JobResult, Request, read_text
from pilothouse.engine.server.filecache import FileCache
from pilothouse.engine.server.intake import Intake, with_tenant
from pilothouse.engine.server.pushes import Facts, Push, phase_push
from pilothouse.engine.server.session import Session
from pilothouse.engine.workspace import Workspace
from pilothouse.errors import JobBusyError, PilothouseError
from pilothouse.jobs import decoding
from pilothouse.jobs.document import Job
from pilothouse.jobs.plan import NodeSets, Selection
from pilothouse.jobs.states import State
from pilothouse.settings import Settings


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """How to run a job.

    ``first`` fetches document and nodes anew; ``own_params`` and ``own_nodes`` say that they were given instead.
    ``record`` is what the command wants to find in the journal to ask for the job again.
    """

    selection: Selection
    user: str = "anonymous"
    force: bool = False
    first: bool = False
    fresh: bool = False
    own_params: bool = False
    own_nodes: bool = False
    fire_next: bool = True
    pass_through: Mapping[str, Any] = {}
    home: str = ""
    beside: Path | None = None
    sql_files: str = ""
    record: str = ""


async def run_under_server(
    order: Order,
    server: Server,
    space: Workspace,
    settings: Settings,
    *,
    echo: Callable[[str], object] | None = None,
    displays: Sequence[Observer] = (),
    notice: Callable[[str], object] | None = None,
) -> tuple[JobResult, int]:
    """Run a job and report it; returns what came of it and how many pushes wait for the next start.

    ``notice`` is told, before anything runs, that the server is waited for.

    Raises what `run_here` raises, and ServerUnavailableError or ServerRefusedError when the server does not
    give what the job is made of. An outage while the job runs fails nothing.
    """
    space.create()
    client = Client(server)
    if notice:
        client.waiting = lambda error: notice(f"{error}; trying again for {server.patience:g} seconds")
    try:
        facts = Facts(job_id=space.job_id, runner_id=order.selection.runner_id, pass_through=dict(order.pass_through))
        await Intake(client, facts, space, first=order.first and not order.own_params).params()
        job = msgspec.structs.replace(decoding.decode(read_text(space.params), str(space.params)), id=space.job_id)
        job = with_tenant(job, server.tenant)
        client.tenant = job.tenant
        intake = Intake(client, facts, space, first=order.first)
        job = await intake.deployment(job, os.environ, settings.data, order.home)
        facts = msgspec.structs.replace(facts, pass_through={**job.pass_through, **order.pass_through})
        client.waiting = None  # from here on it is the job's display that tells
        control = Control()
        session = Session(client, facts, space, FileCache(settings.data / "cache"), control)
        async with session:
            run = _Run(order, job, facts, client, space, settings, session, control)
            result = await run.run(echo, displays)
        return result, session.unsent
    finally:
        await client.close()


class _Run:
    """One run in its session."""

    def __init__(
        self,
        order: Order,
        job: Job,
        facts: Facts,
        client: Client,
        space: Workspace,
        settings: Settings,
        session: Session,
        control: Control,
    ) -> None:
        self._order = order
        self._job = job
        self._facts = facts
        self._client = client
        self._space = space
        self._settings = settings
        self._session = session
        self._control = control

    async def run(self, echo: Callable[[str], object] | None, displays: Sequence[Observer]) -> JobResult:
        """Fetch, run, and ask for the next group when all went well."""
        order, job = self._order, self._job
        groups = [group.number for group in job.groups if group.number in (order.selection.groups or (group.number,))]
        await self._session.begin(groups)
        try:
            request = self._request(await self._fetched())
            result = await run_here(
                request,
                self._space,
                self._settings,
                displays=[self._session, *displays],
                echo=echo,
                link=self._session,
                control=self._control,
            )
        except JobBusyError:
            # the engine that has the job reports it
            raise
        except PilothouseError:
            await self._session.tell(self._never_started())
            raise
        if order.fire_next and result.phases and result.state in {State.SUCCEEDED, State.COMPLETED}:
            await self._session.fire_next(job.id, result.phases[-1].group)
        return result

    async def _fetched(self) -> NodeSets:
        intake = Intake(self._client, self._facts, self._space, first=self._order.first)
        local = self._order.own_nodes or self._job.nodes is not None
        sets = await intake.nodes(self._job, self._order.selection, local=local)
        await intake.scripts(self._job, self._order.selection)
        return sets

    def _request(self, sets: NodeSets) -> Request:
        order = self._order
        return Request(
            job=self._job,
            nodes=sets.job,
            scoped=sets,
            source=str(self._space.params),
            selection=order.selection,
            user=order.user,
            force=order.force,
            fresh=order.fresh,
            pass_through=msgspec.json.encode(self._facts.pass_through).decode(),
            home=order.home,
            beside=order.beside,
            sql_files=order.sql_files,
            record=order.record,
        )

    def _never_started(self) -> list[Push]:
        """Return what tells the server that the first group asked for was not run, so that nobody waits for it."""
        selection = self._order.selection
        for group in self._job.groups:
            if not selection.groups or group.number in selection.groups:
                now = self._client.clock.time()
                names = [phase.name for phase in group.phases if phase.name in (selection.phases or (phase.name,))]
                return [phase_push(self._facts, group.number, name, State.ABORTED, now) for name in names]
        return []
