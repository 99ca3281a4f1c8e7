"""Node files of a job, a group and a phase: fetched, kept while unchanged, the narrowest wins (spec section 2.8)."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from pilothouse.controlserver import calls
from pilothouse.controlserver.client import Client
from pilothouse.engine.server.pushes import Facts
from pilothouse.engine.workspace import Workspace
from pilothouse.files import write_atomic
from pilothouse.jobs.document import Job, Strategy
from pilothouse.jobs.plan import Selection

_BEFORE_EVERYTHING: Final = 0.0


class Scope(msgspec.Struct, frozen=True):
    """Whose nodes are meant: the job's, a group's or a phase's."""

    group: int | None = None
    phase: str = ""

    @property
    def origin(self) -> str:
        """The word for it in requests."""
        return "phase" if self.phase else "job" if self.group is None else "group"

    def path(self, space: Workspace) -> Path:
        """Return the file in the run folder."""
        if self.phase:
            return space.phase_nodes(self.phase)
        return space.nodes if self.group is None else space.group_nodes(self.group)


JOB: Final = Scope()


def scopes(job: Job, selection: Selection) -> Iterator[Scope]:
    """Return whose nodes a run asks for: of each one-shot phase, and of each gray-scale group as a whole."""
    for group in job.groups:
        if selection.groups and group.number not in selection.groups:
            continue
        phases = [phase for phase in group.phases if not selection.phases or phase.name in selection.phases]
        if phases and group.strategy is Strategy.GRAY_SCALE and len(selection.phases) != 1:
            yield Scope(group=group.number)
        else:
            yield from (Scope(group=group.number, phase=phase.name) for phase in phases)


async def fetch(client: Client, facts: Facts, space: Workspace, scope: Scope) -> None:
    """Make a node file current; "unchanged" may also mean that the scope has no nodes of its own.

    Raises ServerUnavailableError, ServerRefusedError, OSError.
    """
    path = scope.path(space)
    query = {
        "jobId": facts.job_id,
        "runnerId": str(facts.runner_id),
        "passThroughEnv": json.dumps(facts.pass_through),
        "phase": scope.phase,
        "nodeFrom": scope.origin,
    }
    if scope.origin == "group":
        query["groupNo"] = str(scope.group)
    query["lastModified"] = str(path.stat().st_mtime if path.is_file() else 0)
    part = path.with_name(f".{path.name[:200]}.part")
    try:
        answer = await client.get(calls.NODES, query, part)
        if not answer.unchanged:
            write_atomic(path, part.read_bytes() if part.is_file() else b"", mode=0o600)
    finally:
        part.unlink(missing_ok=True)


def outdate(space: Workspace, phase: str) -> None:
    """Let the next start fetch a phase's nodes again, because the server did not want to hear of the phase."""
    for path in (space.phase_nodes(phase), space.nodes):
        if path.is_file():
            os.utime(path, (_BEFORE_EVERYTHING, _BEFORE_EVERYTHING))
            return
