"""The log of a promise: what an execution says, in the file and in memory (node spec 13.8)."""

from __future__ import annotations

import logging
import os
import time

from pilothouse.checks.history import Line, head


class PromiseLog(logging.Handler):
    """Appends what one execution says to the promise's log; ``said`` keeps it where the disk takes nothing."""

    def __init__(self, path: str, execution: str) -> None:
        super().__init__()
        self.said: list[Line] = []
        self._path = path
        self._execution = execution
        self._formatter = logging.Formatter("%(message)s")

    def logger(self, name: str, level: int) -> logging.Logger:
        """Return a logger that writes here, and nowhere else."""
        made = logging.Logger(name, level)  # noqa: LOG001 - known to nobody, so that plugins of a name do not share it
        made.addHandler(self)
        return made

    def emit(self, record: logging.LogRecord) -> None:
        """Write one message; a disk that refuses it is complained about on standard error."""
        date = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
        message = self._formatter.format(record)
        self.said.append(Line(date, record.levelname, message))
        line = (head(date, record.levelname, self._execution) + message + "\n").encode("utf-8", "backslashreplace")
        try:
            append(self._path, line)
        except OSError:
            self.handleError(record)


def append(path: str, line: bytes) -> None:
    """Add a whole line to a log. Raises OSError when the disk refuses."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)
