"""Calls to supervisord over its own socket.

The two questions of every pass are asked in words that are ready, because the library for XML-RPC would cost
more start-up time than the rest of a pass with nothing to do.
"""

import http.client
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pilothouse.node.errors import SupervisionError

if TYPE_CHECKING:
    import xmlrpc.client

_SECONDS: Final = 120.0
_BAD_NAME: Final = 10
_CALL: Final = "<?xml version='1.0'?>\n<methodCall>\n<methodName>{}</methodName>\n<params>{}</params>\n</methodCall>"


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class RefusalError(SupervisionError):
    """supervisord refused a call; ``code`` is its own number."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        super().__init__(f"supervisord refuses: {text}")

    @property
    def unknown(self) -> bool:
        """Whether it does not know what was named."""
        return self.code == _BAD_NAME


class Supervisor:
    """One supervisord; methods raise SupervisionError when it does not answer, RefusalError when it refuses."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def state(self) -> str | None:
        """Return RUNNING, SHUTDOWN and the like; None when nobody answers."""
        return self._statename("supervisor.getState", "")

    def watches(self) -> bool:
        """Whether the watchdog runs, or is about to."""
        name = "<param><value><string>watchdog:watchdog</string></value></param>"
        return self._statename("supervisor.getProcessInfo", name) in {"RUNNING", "STARTING"}

    def call(self, method: str, *arguments: object) -> Any:
        """Call a method of supervisord's own interface."""
        import xmlrpc.client  # noqa: PLC0415 - see above

        body = xmlrpc.client.dumps(tuple(arguments), f"supervisor.{method}")  # type: ignore[arg-type]
        try:
            found = self._result(self._posted(body.encode()))
        except OSError as error:
            raise SupervisionError(f"supervisord does not answer at {self.path}: {error}") from error
        except xmlrpc.client.Fault as fault:
            raise RefusalError(int(fault.faultCode), str(fault.faultString)) from None
        return found

    def _statename(self, method: str, parameters: str) -> str | None:
        try:
            answer = self._posted(_CALL.format(method, parameters).encode(), seconds=10)
        except (OSError, http.client.HTTPException):
            return None
        _, found, rest = answer.decode("utf-8", "replace").partition("<name>statename</name>")
        return rest.partition("<string>")[2].partition("</string>")[0] if found else None

    def _posted(self, body: bytes, seconds: float = _SECONDS) -> bytes:
        connection = _Connection(self.path, seconds)
        try:
            connection.request("POST", "/RPC2", body, {"Content-Type": "text/xml"})
            return connection.getresponse().read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"{type(error).__name__}: {error}") from error
        finally:
            connection.close()

    @staticmethod
    def _result(body: bytes) -> Any:
        import xmlrpc.client  # noqa: PLC0415 - see above

        parser, unmarshaller = _getparser()
        parser.feed(body)
        parser.close()
        return unmarshaller.close()[0] if body else xmlrpc.client.Fault(0, "no answer")


def _getparser() -> "tuple[xmlrpc.client.ExpatParser, xmlrpc.client.Unmarshaller]":
    import xmlrpc.client  # noqa: PLC0415 - see above

    return xmlrpc.client.getparser()
