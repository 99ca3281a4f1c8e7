"""What ``slapos`` says while it works: lines on standard error, and a file that gets everything (spec section 10.1)."""

import logging
import os
import sys
from pathlib import Path
from typing import Final

from pilothouse.cli.slapos.options import Common

_GREEN: Final = "\x1b[0;32m"
_BLUE: Final = "\x1b[0;34m"
_BOLD: Final = "\x1b[1m"
_END: Final = "\x1b[0m"
_TEXT: Final = {
    logging.WARNING: "\x1b[0;33m",
    logging.ERROR: "\x1b[0;31m",
    logging.CRITICAL: "\x1b[1;31m",
}
_FILE: Final = "[%(asctime)s] %(levelname)-8s %(message)s"


class ConsoleFormat(logging.Formatter):
    """``YYYY-mm-dd HH:MM:SS slapos[<pid>] <LEVEL> <message>``, with colours where a terminal shows them.

    At a ``terminal`` what programs of releases and partitions say must not be taken for its commands.
    """

    def __init__(self, *, colours: bool, time: bool, terminal: bool = False) -> None:
        super().__init__(datefmt="%Y-%m-%d %H:%M:%S")
        self._terminal = terminal
        self._colours = colours
        self._time = time

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """Return the line of a record, without its traceback; of several lines the first has the colour."""
        message = _harmless(record.message) if self._terminal else record.message
        first, newline, rest = message.partition("\n")
        time = [(_GREEN, self.formatTime(record, self.datefmt))] if self._time else []
        head = [(_BLUE, f"{record.name}[{record.process}]"), (_BOLD, record.levelname)]
        parts = [*time, *head, (_TEXT.get(record.levelno, ""), first)]
        return " ".join(self._painted(*part) for part in parts) + newline + rest

    def _painted(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_END}" if self._colours and colour else text


def _harmless(text: str) -> str:
    if text.isprintable():
        return text
    from pilothouse.cli.display.palette import clean

    return "\n".join(map(clean, text.split("\n")))


def begin(common: Common) -> logging.Logger:
    """Start the log and return it. Raises OSError when the log file cannot be opened."""
    log = logging.getLogger("slapos")
    log.setLevel(logging.DEBUG)
    log.propagate = False
    end(log)
    console = logging.StreamHandler(sys.stderr)
    console.setLevel(_level(common))
    console.setFormatter(ConsoleFormat(colours=_shows_colours(), time=common.log_time, terminal=sys.stderr.isatty()))
    log.addHandler(console)
    if common.log_file:
        file = logging.FileHandler(Path(common.log_file).expanduser(), encoding="utf-8")
        file.setFormatter(logging.Formatter(_FILE))
        log.addHandler(file)
    return log


def end(log: logging.Logger) -> None:
    """Close what the log writes to."""
    for handler in list(log.handlers):
        log.removeHandler(handler)
        handler.close()


def _shows_colours() -> bool:
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _level(common: Common) -> int:
    if common.quiet:
        return logging.WARNING
    return logging.DEBUG if common.verbose else logging.INFO
