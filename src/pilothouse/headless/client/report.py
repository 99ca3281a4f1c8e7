"""What the client says: nothing, messages, or the XML too (spec section 6)."""

import os
import re
import sys
import time
from typing import Final, TextIO

from pilothouse.headless.client.stop import ParameterError

_INFO: Final = 1
_SENT: Final = 2
_RECEIVED: Final = 3
# the proof and the verifier; the first message's p= flag stands at its beginning and is no secret
_PROOF: Final = re.compile(r"(<scram>[^<]*,p=)[^,<]*")
_VERIFIER: Final = re.compile(r"(<scram>v=)[^,<]*")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Report:
    """Lines on stdout by level, and one file that gets a line for each call and each error, quiet or not."""

    def __init__(self, level: int, stream: TextIO, log_file: str = "") -> None:
        self._level = level
        self._stream: TextIO | None = stream
        self._terminal = level >= _INFO and stream.isatty()
        self._log = _open_log(log_file) if log_file else -1

    @property
    def verbose(self) -> bool:
        """Whether anybody reads messages."""
        return self._level >= _INFO

    def info(self, text: str) -> None:
        """Say what has happened."""
        if self._level >= _INFO:
            self._line(f"INFO {now()} {text}")

    def sent(self, payload: bytes) -> None:
        """Show a message sent."""
        if self._level >= _SENT:
            self._line(f">>> {_masked(payload)}")

    def received(self, payload: bytes) -> None:
        """Show a message received."""
        if self._level >= _RECEIVED:
            self._line(f"<<< {_masked(payload)}")

    def log(self, text: str) -> None:
        """Write to the log file, if there is one."""
        if self._log >= 0:
            line = f"{now()} [{os.getpid()}] {text}".replace("\n", "\n  ")
            os.write(self._log, line.encode("utf-8", "backslashreplace") + b"\n")

    def _line(self, text: str) -> None:
        if self._stream is None:
            return
        text = text.replace("\n", "\\n")
        if self._terminal:
            text = _CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", text)
        try:
            self._stream.buffer.write(text.encode(self._stream.encoding, "backslashreplace") + b"\n")
            self._stream.buffer.flush()
        except (OSError, ValueError):
            self._give_up()

    def _give_up(self) -> None:
        # nobody reads any more, which ends the output and not the job; the interpreter's own flush must not fail
        self._stream = None
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except (OSError, ValueError):
            return


def now() -> str:
    """Return the local time as RFC 3339 writes it."""
    zone = time.strftime("%z")
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S')}{zone[:3]}:{zone[3:]}"


def _masked(payload: bytes) -> str:
    return _VERIFIER.sub(r"\1***", _PROOF.sub(r"\1***", payload.decode("utf-8", "replace")))


def _open_log(path: str) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
    try:
        return os.open(path, flags, 0o600)
    except OSError as error:
        raise ParameterError(f"log_file {path} cannot be opened: {error.strerror}") from error
