"""The one error hierarchy: every error carries data, and its text says what to do.

Exit codes are those of the ``pilothouse`` command (DESIGN section 6); drop-in commands map them at their door.
"""

from typing import ClassVar, NamedTuple


class ExitCode:
    """What ``pilothouse`` commands return to the shell."""

    SUCCESS = 0
    CONNECTION = 1
    USAGE = 2
    STILL_RUNNING = 3
    FAILED = 4
    ABORTED = 5
    PARTLY_FAILED = 6
    REFUSED = 7
    AUTHENTICATION = 8


class PilothouseError(Exception):
    """Something went wrong that a person can act on."""

    exit_code: ClassVar[int] = ExitCode.FAILED


class UsageError(PilothouseError):
    """The command was called in a way that cannot be carried out."""

    exit_code = ExitCode.USAGE


class SettingsError(UsageError):
    """A setting has a value that cannot be used."""


class Problem(NamedTuple):
    """One fault in a document: where it is, what stands there, and what may stand there."""

    path: str
    found: str
    allowed: str

    def __str__(self) -> str:
        """Return ``$.path: found ...; allowed: ...``."""
        return f"{self.path}: {self.found}; allowed: {self.allowed}"


class DocumentError(UsageError):
    """A document was refused as a whole before anything was started."""

    def __init__(self, source: str, problems: list[Problem] | tuple[Problem, ...]) -> None:
        self.source = source
        self.problems = tuple(problems)
        if len(self.problems) == 1:
            super().__init__(f"{source}: {self.problems[0]}")
        else:
            lines = "".join(f"\n  {problem}" for problem in self.problems)
            super().__init__(f"{source}: {len(self.problems)} problems{lines}")


class UnresolvedReferenceError(PilothouseError):
    """A value refers to an output that no earlier operation produced."""

    def __init__(self, reference: str, reason: str) -> None:
        self.reference = reference
        self.reason = reason
        super().__init__(f"{reference} cannot be resolved: {reason}")


class OutputError(PilothouseError):
    """An operation handed back something that cannot be read."""


class RefusedError(PilothouseError):
    """The request is valid but must not be carried out now."""

    exit_code = ExitCode.REFUSED


class JobBusyError(RefusedError):
    """Another engine is working on this job."""

    def __init__(self, job_id: str, pid: int | None) -> None:
        self.job_id = job_id
        self.pid = pid
        who = f"engine process {pid}" if pid else "another engine"
        super().__init__(
            f"job {job_id} is being run by {who}; wait for it, or stop it with: pilothouse job abort {job_id}"
        )


class JobNotFoundError(UsageError):
    """No job of this id has ever run here."""

    def __init__(self, job_id: str, where: str) -> None:
        self.job_id = job_id
        super().__init__(f"job {job_id} has no run directory at {where}; see: pilothouse job list")


class AbortedError(PilothouseError):
    """The job was aborted while this was under way."""

    exit_code = ExitCode.ABORTED


class JournalError(PilothouseError):
    """The journal cannot be written, so nothing further may be started."""


class TransportError(PilothouseError):
    """A node could not be reached, or was lost."""

    exit_code = ExitCode.CONNECTION


class UnreachableError(TransportError):
    """Nothing answers at the node's address."""


class HostKeyError(TransportError):
    """The node's host key is unknown or has changed."""

    exit_code = ExitCode.AUTHENTICATION


class AuthenticationError(TransportError):
    """The node refused the credentials."""

    exit_code = ExitCode.AUTHENTICATION


class ConnectionLostError(TransportError):
    """The connection ended while an operation was running on it."""


class TargetError(TransportError):
    """The node was reached but could not prepare or finish the operation."""


class ForgottenFilesError(TransportError):
    """The node no longer has files that it was believed to keep; nothing was started, so send them again."""
