"""Calls to supervisord over its own socket.

HTTP is spoken without its library, which would cost more start-up time than the rest of a pass with nothing to do.
"""

import socket
from pathlib import Path
from typing import Any, Final

from pilothouse.node import supervisor_words
from pilothouse.node.errors import SupervisionError
from pilothouse.slap.markup import MarkupError

_SECONDS: Final = 120.0
_BAD_NAME: Final = 10
_LINE: Final = 65536
_ENDS: Final = (b"\r\n", b"\n", b"")


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
        return self._statename("getState")

    def watches(self) -> bool:
        """Whether the watchdog runs, or is about to."""
        return self._statename("getProcessInfo", "watchdog:watchdog") in {"RUNNING", "STARTING"}

    def call(self, method: str, *arguments: str | int | bool) -> Any:
        """Call a method of supervisord's own interface."""
        try:
            return supervisor_words.answer(self._posted(supervisor_words.call(f"supervisor.{method}", arguments)))
        except (OSError, MarkupError) as error:
            raise SupervisionError(f"supervisord does not answer at {self.path}: {error}") from error
        except supervisor_words.FaultError as fault:
            raise RefusalError(fault.code, fault.text) from None

    def _statename(self, method: str, *arguments: str) -> str | None:
        body = supervisor_words.call(f"supervisor.{method}", arguments)
        try:
            return str(supervisor_words.answer(self._posted(body, seconds=10))["statename"])
        except (OSError, MarkupError, supervisor_words.FaultError):
            return None

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
