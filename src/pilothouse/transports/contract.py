"""The port through which the engine reaches machines.

One connection per node and job; each operation is one process on it, in a process group of its own that dies
with the job: when the connection is cut or the engine is killed, the machine notices and ends the group.

Ending is a handshake, so that a kill of the engine at any instant repeats nothing that succeeded: the machine
keeps the exit code under the operation's token until ``settle`` says it is recorded. A process started again
with the same token (after a crash) is not run a second time but *adopted*: it reports the kept exit code.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from pilothouse.jobs.nodes import Node


class UploadFile(msgspec.Struct, frozen=True):
    """A file for the operation: ``name`` relative to the launch's folder, POSIX ``mode``.

    A file with a ``digest`` (letters and digits that stand for the content) is kept in the launch's store, so that
    a later operation can do without sending it again.
    """

    name: str
    content: bytes
    mode: int = 0o600
    digest: str = ""


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """One operation, ready to be started.

    ``token`` names this attempt (letters, digits, ``-``); the same token again means the same attempt.
    ``folder`` is the job's private folder on the machine, absolute; it is created with mode 0700 and
    refused when somebody else owns it. ``work`` is the working folder: relative to ``folder``, or absolute
    and then it must exist. ``files`` are written below ``folder`` before the start. ``argv`` is run as
    it is, no shell between. ``environment`` is added to what the login gives. ``collect`` names files
    below the work folder to be handed back after exit code 0 (missing ones are left out). ``store`` is the
    private folder of kept files, absolute; those whose digest is among ``there`` are not sent but taken from it,
    and a machine that no longer has them starts nothing and says so (ForgottenFilesError).
    """

    token: str
    folder: str
    work: str = "."
    files: tuple[UploadFile, ...] = ()
    argv: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    collect: tuple[str, ...] = ()
    store: str = ""
    there: frozenset[str] = frozenset()


class Exit(msgspec.Struct, frozen=True, kw_only=True):
    """How an operation ended.

    ``code`` is the exit status (128 + n for signal n). ``collected`` holds the files asked for.
    ``adopted`` means that an earlier attempt with this token had already ended.
    """

    code: int
    collected: dict[str, bytes] = {}
    adopted: bool = False


class Kill(msgspec.Struct, frozen=True):
    """What an abort achieved on the machine, with the process group it was about."""

    outcome: str  # "killed", "already gone" or "unreachable"
    group: int | None = None


Sink = Callable[[bytes], None]
"""Receives output bytes (stdout and stderr in order) as they come; must not block."""


class Process(Protocol):
    """One operation on a machine, from its start to its settling."""

    @property
    def group(self) -> int | None:
        """The process group's number on the machine, once known."""
        ...

    def pause_reading(self) -> None:
        """Take no further output until ``resume_reading``: back-pressure for a slow log."""
        ...

    def resume_reading(self) -> None:
        """Take output again."""
        ...

    async def begun(self) -> None:
        """Wait until it runs, so that its files lie there. Raises what `exited` raises."""
        ...

    async def exited(self) -> Exit:
        """Wait for the end. Raises ConnectionLostError, TargetError, ForgottenFilesError."""
        ...

    async def settle(self, *, clean: bool) -> None:
        """Tell the machine that the exit is recorded; with ``clean`` the job's folder is removed there."""
        ...

    async def abort(self) -> Kill:
        """End the whole process group (TERM, then KILL after two seconds) and say what came of it."""
        ...


class Connection(Protocol):
    """An open way to one machine."""

    async def start(self, launch: Launch, sink: Sink) -> Process:
        """Start an operation. Raises TransportError."""
        ...

    async def upload(self, local: str, remote: str) -> None:
        """Copy a file of any size to the machine (mode kept). Raises TransportError, OSError."""
        ...

    async def download(self, remote: str, local: str) -> None:
        """Copy a file of any size from the machine. Raises TransportError, OSError."""
        ...

    async def close(self) -> None:
        """End the connection; operations still running on it are ended by the machine."""
        ...


class Transport(Protocol):
    """A way to reach machines: one of the protocols of the node file."""

    async def connect(self, node: Node) -> Connection:
        """Open a connection.

        Raises UnreachableError, HostKeyError, AuthenticationError; each text names the node and what to do.
        """
        ...

    async def close(self) -> None:
        """Give back what the transport holds besides its connections."""
        ...
