"""Reports of a job from outside its engine: what ``--abort`` and ``--pause`` tell the server (spec section 1.5)."""

from typing import Final

import msgspec

from pilothouse.controlserver.address import Server
from pilothouse.controlserver.client import Client
from pilothouse.engine.control import Control
from pilothouse.engine.server.filecache import FileCache
from pilothouse.engine.server.pushes import Facts, job_push
from pilothouse.engine.server.session import Session
from pilothouse.engine.workspace import Workspace
from pilothouse.errors import PilothouseError
from pilothouse.jobs.states import State

_PATIENCE: Final = 10.0
"""Who stops a job waits for the answer, in seconds."""


async def report_job(server: Server, facts: Facts, space: Workspace, state: State) -> str:
    """Tell the server a job's state, after what the job's engine left unsent; returns why it could not be told.

    What cannot be told now is kept in the job's folder, where there is one, for the next start.
    """
    quick = msgspec.structs.replace(
        server, patience=min(server.patience, _PATIENCE), grace=min(server.grace, _PATIENCE)
    )
    client = Client(quick)
    push = job_push(facts, state, client.clock.time())
    try:
        if not space.root.is_dir():
            await client.patiently(lambda: client.post(push.path, push.body))
            return ""
        session = Session(client, facts, space, FileCache(space.root), Control())
        async with session:
            await session.tell([push])
    except PilothouseError as error:
        return str(error)
    finally:
        await client.close()
    return "; ".join(session.unsaid) if session.unsent else ""
