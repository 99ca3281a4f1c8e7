"""Puts together what the tasks of one run share: opened nodes and parameters, programs, outputs, questions."""

import os
from collections.abc import Mapping

import msgspec

from pilothouse.clock import Clock
from pilothouse.engine.barrier import RoundBarrier
from pilothouse.engine.connections import Connections
from pilothouse.engine.context import Context
from pilothouse.engine.control import Control
from pilothouse.engine.environment import JobFacts, job_environment
from pilothouse.engine.events import EventStream
from pilothouse.engine.journal import Journal
from pilothouse.engine.link import ServerLink
from pilothouse.engine.outputs import JournalOutputs
from pilothouse.engine.programs import find_programs
from pilothouse.engine.publications import Publications
from pilothouse.engine.questions import Questions
from pilothouse.engine.request import Request
from pilothouse.engine.sealed import opened_node, opened_options
from pilothouse.engine.stores import with_digests
from pilothouse.engine.variables import Variables
from pilothouse.engine.workspace import Workspace
from pilothouse.jobs.document import Strategy
from pilothouse.jobs.nodes import LOCAL, Node, NodeFile
from pilothouse.jobs.plan import Plan
from pilothouse.jobs.references import expand_options
from pilothouse.jobs.secret import Secret
from pilothouse.secrets.vault import Vault
from pilothouse.settings import Settings, for_processes
from pilothouse.tools.catalog import Catalog
from pilothouse.transports.contract import Transport


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is given; ``round_interval`` is the seconds between two reports of an ended round."""

    request: Request
    plan: Plan
    space: Workspace
    settings: Settings
    journal: Journal
    control: Control
    clock: Clock
    stream: EventStream
    link: ServerLink
    round_interval: float


def context_of(parts: Parts, transports: Mapping[str, Transport]) -> Context:
    """Return what the run shares. Raises DocumentError when an operation has nothing to run, and for secrets."""
    request, space, journal, job = parts.request, parts.space, parts.journal, parts.request.job
    vault = Vault(parts.settings.password_key)
    sealed = expand_options(job.options, job.global_options)
    options = opened_options(sealed, vault)
    facts = _facts(request, options)
    hidden = [value for name, value in options.items() if value != sealed[name]]
    places = (*((request.beside,) if request.beside else ()), space.root)
    single = len({node.resource_id for node in request.all_nodes}) == 1
    outputs = JournalOutputs(journal, space, single=single)
    nodes = _nodes(request, parts.plan, vault)
    mark = journal.fact("mark", os.urandom(4).hex())
    return Context(
        job=job,
        nodes=nodes,
        facts=facts,
        environment=_environment(parts, facts),
        programs=with_digests(
            find_programs(job, Catalog(parts.settings.plugins), space, places, request.source, parts.plan.phases), job
        ),
        space=space,
        settings=parts.settings,
        clock=parts.clock,
        journal=journal,
        outputs=outputs,
        variables=Variables(journal, outputs),
        stream=parts.stream,
        control=parts.control,
        connections=Connections(transports, parts.plan, job.id, mark),
        opener=lambda text: vault.open(Secret(text)),
        link=parts.link,
        publications=Publications(journal, space),
        questions=Questions(
            journal, parts.stream, parts.clock, lambda phase, number: nodes.get(phase, {}).get(number), hidden
        ),
        barrier=_barrier(parts),
        secrets=hidden,
        force=request.force,
        mark=mark,
    )


def _facts(request: Request, options: dict[str, str]) -> JobFacts:
    return JobFacts(
        job_id=request.job.id,
        tenant=request.job.tenant,
        user=request.user,
        runner_id=request.selection.runner_id,
        pid=os.getpid(),
        home=request.home,
        dev_mode=request.dev_mode,
        pass_through=request.pass_through,
        options=options,
        environment=request.job.environment,
    )


def _environment(parts: Parts, facts: JobFacts) -> dict[str, str]:
    found = {**job_environment(facts, parts.space), **for_processes(parts.settings)}
    if parts.request.sql_files:
        found["_SQL_FILES"] = parts.request.sql_files
    return found


def _barrier(parts: Parts) -> RoundBarrier:
    return RoundBarrier(
        parts.request.job.id,
        parts.link,
        parts.control,
        parts.stream,
        parts.clock,
        limit=parts.settings.operation_timeout,
        interval=parts.round_interval,
    )


def _nodes(request: Request, plan: Plan, vault: Vault) -> dict[str, dict[int, Node]]:
    """Return the nodes of each phase of the plan, their passwords opened."""
    sets = request.node_sets
    found: dict[str, dict[int, Node]] = {}
    opened: dict[int, dict[int, Node]] = {}
    for group in plan.groups:
        for phase in group.phases:
            scattered = group.strategy is Strategy.ONE_SHOT or len(request.selection.phases) == 1
            file = sets.of_phase(group.number, phase) if scattered else sets.of_group(group.number)
            if id(file) not in opened:
                opened[id(file)] = {LOCAL.resource_id: LOCAL, **_opened(file, vault)}
            found[phase] = opened[id(file)]
    return found


def _opened(file: NodeFile, vault: Vault) -> dict[int, Node]:
    return {node.resource_id: opened_node(node, vault) for node in file.nodes}
