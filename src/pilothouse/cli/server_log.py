"""Where a server's log goes: warnings and worse to standard error, requests to a file; never from the event loop."""

import contextlib
import logging
import logging.handlers
import queue
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@contextlib.contextmanager
def begun(access: Path | None, log: Path | None = None) -> Iterator[None]:
    """Log while the server runs; a thread does the writing, because a full pipe must keep no request waiting."""
    handlers = [_told(logging.FileHandler(log) if log else logging.StreamHandler(sys.stderr), _FORMAT, _NoAccess())]
    if access is not None:
        handlers.append(_told(logging.handlers.WatchedFileHandler(access), "%(message)s", _OnlyAccess()))
    root = logging.getLogger()
    waiting: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    entrance = logging.handlers.QueueHandler(waiting)
    listener = logging.handlers.QueueListener(waiting, *handlers)
    root.addHandler(entrance)
    root.setLevel(logging.WARNING)
    logging.getLogger("pilothouse").setLevel(logging.INFO)
    logging.getLogger("pilothouse.access").setLevel(logging.INFO if access else logging.WARNING)
    listener.start()
    try:
        yield
    finally:
        root.removeHandler(entrance)
        listener.stop()
        for handler in handlers:
            handler.close()


def _told(handler: logging.Handler, layout: str, kept: logging.Filter) -> logging.Handler:
    handler.setFormatter(logging.Formatter(layout))
    handler.addFilter(kept)
    return handler


class _OnlyAccess(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.name == "pilothouse.access"


class _NoAccess(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.name != "pilothouse.access"
