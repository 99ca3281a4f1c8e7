"""The error codes of the headless protocol (spec section 16) and the client's return codes (section 7.2)."""

import enum
from typing import Final

from pilothouse.errors import ExitCode, PilothouseError


class ReturnCode(enum.IntEnum):
    """What ``planta_headless.py`` returns to the shell."""

    OK = 0
    CONNECTION = 1
    PARAMETER = 2
    TIMEOUT = 3
    NOT_OK = 4


class ErrorCode(enum.IntEnum):
    """The numbers and names that ``error`` and ``refused`` carry. PROTO_SEAL (105) is not in use: TLS does its work."""

    PROTO_VERSION = 100
    PROTO_FRAME = 101
    PROTO_XML = 102
    PROTO_STATE = 103
    PROTO_LIMIT = 104
    STEP_TIMEOUT = 106
    AUTH_FAILED = 200
    AUTH_TYPE = 201
    OS_NOT_MAPPED = 202
    AUTH_LATER = 203
    BAD_JOB = 300
    NO_SUCH_JOB = 301
    FILE_REJECTED = 302
    CODE_FORBIDDEN = 303
    REQUEST_MISMATCH = 304
    BUSY = 400
    SERVER_FULL = 401
    SHUTTING_DOWN = 402
    NO_SUCH_SESSION = 500
    SESSION_ENDED = 501
    EVENTS_GONE = 502
    INTERNAL = 900

    @property
    def fatal(self) -> bool:
        """Whether the server closes the connection after it (AUTH_FAILED: only after the third attempt)."""
        return self in _FATAL

    @property
    def return_code(self) -> ReturnCode:
        """What the client returns when the server answers with it."""
        return return_code(self)


_FATAL: Final = frozenset(
    {
        ErrorCode.PROTO_VERSION,
        ErrorCode.PROTO_FRAME,
        ErrorCode.PROTO_XML,
        ErrorCode.PROTO_STATE,
        ErrorCode.PROTO_LIMIT,
        ErrorCode.STEP_TIMEOUT,
        ErrorCode.OS_NOT_MAPPED,
        ErrorCode.AUTH_LATER,
        ErrorCode.INTERNAL,
    }
)
_PARAMETER: Final = frozenset(
    {ErrorCode.BAD_JOB, ErrorCode.NO_SUCH_JOB, ErrorCode.FILE_REJECTED, ErrorCode.CODE_FORBIDDEN}
)


def return_code(code: int) -> ReturnCode:
    """Return the client's return code for an error code; one that is not known yet counts as a connection error."""
    if code in _PARAMETER:
        return ReturnCode.PARAMETER
    return ReturnCode.NOT_OK if code == ErrorCode.BUSY else ReturnCode.CONNECTION


class ProtocolError(PilothouseError):
    """The other side broke the protocol, or asked for what cannot be; ``code`` is what it is told."""

    exit_code = ExitCode.CONNECTION

    def __init__(self, code: ErrorCode, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"{code.name}: {reason}")
