"""What a run is made of, fetched before it starts: the job document, nodes, scripts (spec sections 1.3, 2.8)."""

import json
from collections.abc import Mapping
from pathlib import Path

import msgspec

from pilothouse.controlserver import calls
from pilothouse.controlserver.client import Client
from pilothouse.controlserver.replies import ServerRefusedError
from pilothouse.engine import deployment
from pilothouse.engine.request import read_text
from pilothouse.engine.server import nodefiles
from pilothouse.engine.server.nodefiles import JOB
from pilothouse.engine.server.pushes import Facts
from pilothouse.engine.server.scripts import Scripts
from pilothouse.engine.workspace import Workspace
from pilothouse.files import write_atomic
from pilothouse.jobs import nodes
from pilothouse.jobs.document import Job, each
from pilothouse.jobs.nodes import NodeFile
from pilothouse.jobs.plan import NodeSets, Selection


class Intake:
    """Fetches what one run needs; ``first`` asks again for what is already there."""

    def __init__(self, client: Client, facts: Facts, space: Workspace, *, first: bool) -> None:
        self._client = client
        self._facts = facts
        self._space = space
        self._first = first

    async def params(self) -> None:
        """Make params.json current. Raises ServerUnavailableError, ServerRefusedError."""
        path = self._space.params
        known = path.is_file()
        if known and not self._first:
            return
        body = {"jobId": self._facts.job_id, "lastModified": path.stat().st_mtime if known else 0}
        found = await self._client.ask(calls.PARAMS, body)
        if not isinstance(found, dict) or not found:
            raise ServerRefusedError(calls.name_of(calls.PARAMS), 200, f"there is no job {self._facts.job_id}")
        text = json.dumps(found, ensure_ascii=False, indent=4)
        write_atomic(path, text.encode("utf-8", "surrogatepass"), mode=0o600)

    async def deployment(self, job: Job, process: Mapping[str, str], data: Path, home: str) -> Job:
        """Return the job with its deployment context, asking the server for what the job does not say.

        Raises ServerUnavailableError, ServerRefusedError.
        """
        given = deployment.inputs(job.environment, process)
        named = deployment.names(given)
        if not named:
            return job
        tenant = self._client.tenant
        if "DEPLOY_ID_PATH" not in given:
            keys = {"SYS_NAME": "sysName", "MODULE_NAME": "moduleName", "ENV_NAME": "envName"}
            asked = {keys[name]: value for name, value in named.items()}
            answer = await self._client.ask(calls.DEPLOY_IDS, {**asked, "tenant": tenant})
            given["DEPLOY_ID_PATH"] = deployment.id_path(answer if isinstance(answer, dict) else {})
        if "DEPLOY_RUNNERGROUP" not in given:
            ids = dict(zip(("sysId", "moduleId", "envId"), given["DEPLOY_ID_PATH"].split("/"), strict=False))
            answer = await self._client.ask(calls.DEPLOY_RUNNERS, {**ids, "tenant": tenant})
            given["DEPLOY_RUNNERGROUP"] = deployment.runner_group(answer or {})
        found = deployment.context(given, data, home)
        return msgspec.structs.replace(job, environment={**job.environment, **found})

    async def nodes(self, job: Job, selection: Selection, *, local: bool) -> NodeSets:
        """Return the nodes of the job and of the selected groups and phases.

        ``local`` means that the nodes were given with the run, so that nothing is fetched. Raises
        ServerUnavailableError, ServerRefusedError, and DocumentError for what the files say.
        """
        if local:
            found = NodeFile(job.nodes) if job.nodes is not None else self._read(JOB)
            return NodeSets(job=found or NodeFile(()))
        if self._first or not self._space.nodes.is_file():
            await nodefiles.fetch(self._client, self._facts, self._space, JOB)
        groups: dict[int, NodeFile] = {}
        phases: dict[str, NodeFile] = {}
        for scope in nodefiles.scopes(job, selection):
            await nodefiles.fetch(self._client, self._facts, self._space, scope)
            found = self._read(scope)
            if found is not None and scope.phase:
                phases[scope.phase] = found
            elif found is not None and scope.group is not None:
                groups[scope.group] = found
        # a phase of a group run one by one may still have its nodes from the group's file
        for group in job.groups:
            path = self._space.group_nodes(group.number)
            if group.number not in groups and path.is_file():
                scope = nodefiles.Scope(group=group.number)
                groups[group.number] = self._read(scope) or NodeFile(())
        return NodeSets(job=self._read(JOB) or NodeFile(()), groups=groups, phases=phases)

    async def scripts(self, job: Job, selection: Selection) -> None:
        """Bring the scripts of the selected phases into the run folder. Raises as `nodes` does."""
        fetched = Scripts(self._client, self._facts, self._space)
        for group in job.groups:
            if selection.groups and group.number not in selection.groups:
                continue
            for phase in group.phases:
                if selection.phases and phase.name not in selection.phases:
                    continue
                for _, operation in each(phase.operations):
                    if operation.script is not None and operation.script.content is None and operation.script.id:
                        await fetched.fetch(operation)

    def _read(self, scope: nodefiles.Scope) -> NodeFile | None:
        path = scope.path(self._space)
        if not path.is_file():
            return None
        return nodes.decode(read_text(path), str(path), empty=True)


def with_tenant(job: Job, tenant: str) -> Job:
    """Return the job with a tenant; its own wins."""
    return msgspec.structs.replace(job, tenant=job.tenant if job.tenant != "none" else tenant)
