"""What the control server answered, and what that means (autoexec-console.md 1.3). Pure."""

from typing import Any, Final

import msgspec

from pilothouse.errors import ExitCode, RefusedError, TransportError

_IDENTITY: Final = frozenset({401, 403, 521, 522, 523, 525})
# 404 is what a server's gateway says while the server itself is being restarted
_PASSING: Final = frozenset({404, 408, 425, 429, 500, 502, 503, 504, 527})
_SHOWN: Final = 300


class ServerUnavailableError(TransportError):
    """The control server cannot be reached, or does not answer in a usable way; it may later."""

    def __init__(self, call: str, reason: str) -> None:
        self.call = call
        self.reason = reason
        super().__init__(f"control server, {call}: {reason}")


class ServerUnreachableError(ServerUnavailableError):
    """Nothing answered at all: no server there, no way to it, or no answer in time."""


class ServerRefusedError(RefusedError):
    """The control server understood the request and refused it."""

    def __init__(self, call: str, status: int, message: str) -> None:
        self.call = call
        self.status = status
        super().__init__(f"control server refused {call} with status {status}: {message}")


class ServerIdentityError(ServerRefusedError):
    """The control server does not know this runner, or does not let it do this."""

    exit_code = ExitCode.AUTHENTICATION

    def __init__(self, call: str, status: int, message: str) -> None:
        hint = "check server.username, server.password and the tenant in conf/config.ini"
        super().__init__(call, status, f"{message}; {hint}")


def unchanged(status: int) -> bool:
    """Whether an answer to a download means that what we have is still right: 304, or any success but 200."""
    return status == 304 or 201 <= status <= 299  # noqa: PLR2004 - the documented numbers


def check(call: str, status: int, body: bytes) -> None:
    """Raise the error that a status means; one between 200 and 299 means none."""
    if 200 <= status <= 299:  # noqa: PLR2004 - the range of success
        return
    message = _message(body) or "no reason given"
    if status in _PASSING:
        raise ServerUnavailableError(call, f"status {status}: {message}")
    if status in _IDENTITY:
        raise ServerIdentityError(call, status, message)
    if 300 <= status <= 399:  # noqa: PLR2004 - the range of redirections
        message += (
            "; server.baseurl must be the address that answers itself, because signed requests are not redirected"
        )
    raise ServerRefusedError(call, status, message)


def envelope(call: str, body: bytes) -> dict[str, Any]:
    """Return the JSON object of an answer. Raises ServerUnavailableError when the body is none."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = None
    if not isinstance(found, dict):
        raise ServerUnavailableError(call, f"the answer is no JSON object: {_shown(body) or 'nothing'}")
    return found


def returned(call: str, body: bytes) -> Any:
    """Return what an answer carries; None when it carries nothing.

    Raises ServerRefusedError when it says that the call failed, ServerUnavailableError when it is garbled.
    """
    found = envelope(call, body)
    if found.get("Status", "OK") != "OK":
        raise ServerRefusedError(call, 200, str(found.get("Message") or found["Status"]))
    return found.get("Return")


def password(call: str, found: Any) -> str:
    """Return an account's password in what the account call carries, maybe sealed: a text, or part of an object.

    Raises ServerUnavailableError when there is none.
    """
    if isinstance(found, dict):
        found = found.get("passwordCipher") or found.get("passwordPlain") or found.get("password")
    if not isinstance(found, str):
        raise ServerUnavailableError(call, "the answer holds no password")
    return found


def reports_failure(body: bytes) -> bool:
    """Whether the answer to a node's status says that a node failed elsewhere (``Return.hasFailNode``)."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    inner = found.get("Return") if isinstance(found, dict) else None
    return isinstance(inner, dict) and inner.get("hasFailNode") in (1, "1", True)


def _message(body: bytes) -> str:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _shown(body)
    return str(found.get("Message") or "")[:_SHOWN] if isinstance(found, dict) else ""


def _shown(body: bytes) -> str:
    """Return the beginning of an answer on one line, for an error."""
    return " ".join(body[:_SHOWN].decode("utf-8", "replace").split())
