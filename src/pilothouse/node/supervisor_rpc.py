"""Calls to supervisord over its own socket.

The two questions of every pass are asked in words that are ready, and HTTP is spoken without its library, because the
libraries would cost more start-up time than the rest of a pass with nothing to do.
"""

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pilothouse.node.errors import SupervisionError

if TYPE_CHECKING:
    import xmlrpc.client

_SECONDS: Final = 120.0
_BAD_NAME: Final = 10
_LINE: Final = 65536
_ENDS: Final = (b"\r\n", b"\n", b"")
_CALL: Final = "<?xml version='1.0'?>\n<methodCall>\n<methodName>{}</methodName>\n<params>{}</params>\n</methodCall>"


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
        except OSError:
            return None
        _, found, rest = answer.decode("utf-8", "replace").partition("<name>statename</name>")
        return rest.partition("<string>")[2].partition("</string>")[0] if found else None

    def _posted(self, body: bytes, seconds: float = _SECONDS) -> bytes:
        """Return the answer to a call. Raises OSError."""
        head = f"POST /RPC2 HTTP/1.0\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(seconds)
            connection.connect(str(self.path))
            connection.sendall(head.encode() + body)
            with connection.makefile("rb") as stream:
                status = stream.readline(_LINE)
                while stream.readline(_LINE) not in _ENDS:
                    continue
                answer = stream.read()
        if status.split(None, 2)[1:2] != [b"200"]:
            raise ConnectionError(f"it answers {status[:60]!r}")
        return answer

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
