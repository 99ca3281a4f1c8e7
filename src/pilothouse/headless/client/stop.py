"""Why a call ends early, and with which return code (spec section 7.2)."""

from pilothouse.errors import ExitCode, PilothouseError
from pilothouse.headless.codes import ReturnCode, return_code


class ClientError(PilothouseError):
    """The call cannot go on; ``return_code`` is what the shell gets."""

    exit_code = ExitCode.CONNECTION
    return_code = ReturnCode.CONNECTION


class ParameterError(ClientError):
    """An option, a setting or the secret file cannot be used. Told on stderr, even when quiet."""

    exit_code = ExitCode.USAGE
    return_code = ReturnCode.PARAMETER


class LostError(ClientError):
    """The connection cannot be made, or is gone; worth another try while a session is waited for."""


class TrustError(ClientError):
    """The peer is not the server it should be, or does not speak the protocol; another try would not help."""


class ServerRefusedError(ClientError):
    """The server said no, with a code of the protocol."""

    def __init__(self, code: int, name: str, text: str) -> None:
        self.code = code
        self.name = name
        self.return_code = return_code(code)
        super().__init__(f"server refused: {name}" + (f" ({text})" if text else ""))


class SignalStop(BaseException):
    """A signal told the client to leave; no Exception, so that nothing on the way mistakes it for a fault."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)
