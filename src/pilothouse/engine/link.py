"""The contract of the control server's side of a job, and the adapter that works without one (spec section 9)."""

from pathlib import Path
from typing import Any, Protocol

from pilothouse.engine.filelocks import FileLocks
from pilothouse.errors import RefusedError


class ServerLink(Protocol):
    """What the engine asks of a control server; status pushes travel as an observer of the event stream."""

    async def params(self, job_id: str) -> bytes:
        """Return the job document. Raises TransportError when the server stays silent."""
        ...

    async def nodes(self, job_id: str, group: int | None, phase: str | None) -> bytes | None:
        """Return the node file of the job, a group or a phase; None when it has not changed."""
        ...

    async def script(self, job_id: str, operation: str, script_id: str) -> str:
        """Return the text of a custom script."""
        ...

    async def fire_next(self, job_id: str, group: int) -> None:
        """Tell the server that a group is done, so that it starts the next one."""
        ...

    async def set_variable(self, job_id: str, name: str, value: str, *, hidden: bool) -> None:
        """Tell the server a variable of the job. Raises TransportError, RefusedError."""
        ...

    async def set_global_parameter(self, job_id: str, name: str, value: str) -> None:
        """Change a parameter that all jobs of the server share. Raises TransportError, RefusedError."""
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


class Standalone:
    """No control server: everything a job needs must lie on this machine, and locks hold for its ``data`` folder."""

    def __init__(self, data: Path | None = None) -> None:
        self._locks = None if data is None else FileLocks(data / "locks")

    async def params(self, job_id: str) -> bytes:
        """Refuse, saying what to give instead."""
        raise RefusedError(f"job {job_id} has no params.json on this machine; name one with --paramsfile")

    async def nodes(self, job_id: str, group: int | None, phase: str | None) -> bytes | None:
        """Refuse, saying what to give instead."""
        raise RefusedError(f"job {job_id} has no node file on this machine; name one with --nodesfile")

    async def script(self, job_id: str, operation: str, script_id: str) -> str:
        """Refuse, saying what to give instead."""
        raise RefusedError(
            f"operation {operation} of job {job_id} has no script on this machine; "
            "put its text into scriptContent or a file into the folder script beside the job document"
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
