"""The contract of the control server's side of a running job, and the adapter that works without one (section 9).

Status pushes are no part of it: they travel as an observer of the event stream. What a job is made of
(document, nodes, scripts) is fetched before it runs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from pilothouse.engine.events import EventStream
from pilothouse.engine.filelocks import FileLocks
from pilothouse.errors import RefusedError
from pilothouse.jobs.nodes import Node


class ServerLink(Protocol):
    """What the engine asks of a control server, or tells it, while a job runs."""

    def attach(self, stream: EventStream) -> None:
        """Take note of the run's events stream, on which to say what there is to say about the server."""
        ...

    async def files(self, ids: Sequence[int]) -> list[str]:
        """Bring files of the server into the run folder; returns their paths relative to it, in order.

        Raises TransportError when the server stays silent, RefusedError when it has no such file.
        """
        ...

    async def account(self, node: Node, user: str, account_id: str, protocol: str) -> str:
        """Return an account's password as the server writes it (maybe sealed). Raises as `files` does."""
        ...

    async def set_variable(self, job_id: str, name: str, value: str, *, hidden: bool) -> None:
        """Let the server know a variable of the job; on return it is on disk. Raises RefusedError without a server."""
        ...

    async def set_global_parameter(self, job_id: str, name: str, value: str) -> None:
        """Change a parameter of the whole tenant; on return it is on disk. Raises RefusedError without a server."""
        ...

    async def fire_next(self, job_id: str, group: int) -> None:
        """Tell the server that a group is done, so that it starts the next one. On return it is on disk."""
        ...

    async def round_ended(self, job_id: str, group: int, phase: str, round_number: int) -> None:
        """Tell the server that a phase's part of a gray-scale round has ended on this runner.

        Called again and again until the server lets the round go on with an informRoundContinue datagram.
        """
        ...

    async def global_lock(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out one lock request (``action`` lock, retry, unlock or cancel; spec section 4.11).

        The reply has ``lockId`` (None when refused), ``wait`` (1 while another holds the lock) and ``message``;
        ``retryAfter`` may say in how many seconds asking again is worth it. Raises TransportError.
        """
        ...

    async def caught_up(self) -> None:
        """Wait until the server knows everything published so far, or cannot be told now."""
        ...


class Standalone:
    """No control server: everything a job needs must lie on this machine, and locks hold for its ``data`` folder."""

    def __init__(self, data: Path | None = None) -> None:
        self._locks = None if data is None else FileLocks(data / "locks")

    def attach(self, stream: EventStream) -> None:
        """There is nothing to say."""

    async def files(self, ids: Sequence[int]) -> list[str]:
        """Refuse, saying what to give instead."""
        names = ", ".join(map(str, ids))
        raise RefusedError(
            f"file {names} is an id of a control server, and this run has none; name a path below the run folder"
        )

    async def account(self, node: Node, user: str, account_id: str, protocol: str) -> str:
        """Refuse, saying what to give instead."""
        raise RefusedError(
            f"the password of account {user}/{account_id}/{protocol} lies on a control server, and this run has none;"
            " give user/password instead"
        )

    async def fire_next(self, job_id: str, group: int) -> None:
        """There is nobody to tell."""

    async def set_variable(self, job_id: str, name: str, value: str, *, hidden: bool) -> None:
        """Refuse: there is nobody to tell."""
        raise RefusedError(f"there is no control server to tell the variable {name}; it stays with job {job_id}")

    async def set_global_parameter(self, job_id: str, name: str, value: str) -> None:
        """Refuse: global parameters live on a control server."""
        raise RefusedError(f"there is no control server whose global parameter {name} could be changed")

    async def round_ended(self, job_id: str, group: int, phase: str, round_number: int) -> None:
        """Refuse: nobody can say when the other runners have ended the round."""
        raise RefusedError(
            f"group {group} of job {job_id} takes its rounds together with other runners (jobRunnerIds), which needs a "
            "control server; name only this runner in the node file's header, or leave the header out"
        )

    async def global_lock(self, request: dict[str, Any]) -> dict[str, Any]:
        """Lock against every other job that uses the same data folder."""
        if self._locks is None:
            raise RefusedError("there is neither a control server nor a data folder to keep locks in")
        return await self._locks.exchange(request)

    async def caught_up(self) -> None:
        """There is nobody to wait for."""
