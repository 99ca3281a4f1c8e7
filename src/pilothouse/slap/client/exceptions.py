"""What the client library raises: the names and the parents that `slapos.slap.exception` has (spec 1.7)."""

from pilothouse.errors import ExitCode, PilothouseError


class SlapException(PilothouseError):  # noqa: N818 - the library's documented name
    """Anything that a master answered, or kept from answering."""


class NotFoundError(SlapException):
    """The master does not know what was named; check the identifiers, and whether the node is registered."""


class ResourceNotReady(SlapException):
    """The master has taken the request and is still providing for it; ask again in a while."""


class ServerError(SlapException):
    """The master failed on a request that may well be right; see the master's log."""


class ConnectionError(SlapException):  # noqa: A001 - the library's documented name
    """The master could not be reached, or did not answer in time."""

    exit_code = ExitCode.CONNECTION


class AuthenticationError(SlapException):
    """The two sides could not agree on who they are: a certificate was refused."""

    exit_code = ExitCode.AUTHENTICATION


class HTTPError(SlapException):
    """The master refused a request in a way that has no name of its own; ``status`` says which."""

    def __init__(self, message: str, status: int) -> None:
        self.status = status
        super().__init__(message)
