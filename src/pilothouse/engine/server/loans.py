"""Dev mode with a control server: it gives what is missing here, and is told nothing (spec section 1.6)."""

from collections.abc import Sequence
from pathlib import Path

from pilothouse.controlserver.client import Client
from pilothouse.engine.link import Standalone
from pilothouse.engine.request import read_text
from pilothouse.engine.scripts import missing_scripts
from pilothouse.engine.server import nodefiles
from pilothouse.engine.server.filecache import FileCache
from pilothouse.engine.server.intake import Intake
from pilothouse.engine.server.nodefiles import JOB
from pilothouse.engine.server.pushes import Facts
from pilothouse.engine.server.scripts import Scripts
from pilothouse.engine.workspace import Workspace
from pilothouse.jobs import decoding
from pilothouse.jobs.plan import Selection


class Loans(Standalone):
    """Files of the server by its ids; for everything else there is no server."""

    def __init__(self, client: Client, space: Workspace, data: Path) -> None:
        super().__init__(data)
        self._client = client
        self._space = space
        self._cache = FileCache(data / "cache")

    async def files(self, ids: Sequence[int]) -> list[str]:
        """Bring files into the run folder."""
        return [await self._cache.link(self._client, number, self._space) for number in ids]


async def borrow(
    client: Client, space: Workspace, selection: Selection, beside: Path | None, *, job_id: str, first: bool
) -> None:
    """Fetch document, nodes and scripts that are not here; without any missing, the server is not asked at all.

    ``first`` fetches scripts anew that an earlier run fetched; those ``beside`` the document always go first. With
    job ``0`` the document's own id is named to the server. Raises ServerUnavailableError, ServerRefusedError, and
    DocumentError for what the document says.
    """
    facts = Facts(job_id=job_id, runner_id=selection.runner_id)
    await Intake(client, facts, space, first=False).params()
    job = decoding.decode(read_text(space.params), str(space.params))
    facts = Facts(job_id=job.id if job_id == "0" else job_id, runner_id=selection.runner_id)
    if job.needs_nodes and job.nodes is None and not space.nodes.is_file():
        await nodefiles.fetch(client, facts, space, JOB)
    fetched = Scripts(client, facts, space)
    places = (*((beside,) if beside else ()), *(() if first else (space.root,)))
    for operation in missing_scripts(job, places, selection):
        await fetched.fetch(operation)
