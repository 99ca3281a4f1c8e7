"""The files of promises within a partition: log, result and cache (node spec 5.3, 13.8 to 13.10, 13.13)."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any, NamedTuple

_BLOCK = 64 * 1024
_LARGEST = 1024 * 1024  # bytes of a document
_OLD = ("promise_stats.json", "promise_status.json", "global.json", "public.json")


class Files(NamedTuple):
    """Where the promises of a partition keep what they say."""

    partition: str

    @property
    def base(self) -> str:
        """The folder of all of them."""
        return os.path.join(self.partition, ".slapgrid", "promise")

    @property
    def logs(self) -> str:
        """The folder of the logs."""
        return os.path.join(self.base, "log")

    def log(self, title: str) -> str:
        """Return the log of a promise."""
        return os.path.join(self.logs, title + ".log")

    def result(self, title: str) -> str:
        """Return where the last result of a promise is."""
        return os.path.join(self.base, "result", title + ".status.json")

    def cache(self, title: str) -> str:
        """Return where it stands when a promise is due."""
        return os.path.join(self.base, "cache", title)

    def prepare(self, names: list[str]) -> None:
        """Make the folders, and remove what versions before 1.22 left. Raises OSError when a folder cannot be made."""
        for folder in ("log", "result", "cache"):
            os.makedirs(os.path.join(self.base, folder), exist_ok=True)
        shutil.rmtree(os.path.join(self.base, "history"), ignore_errors=True)
        old = [name + end for name in names for end in (".timestamp", ".periodicity")]
        for name in (*_OLD, *old):
            with suppress(OSError):
                os.unlink(os.path.join(self.base, name))


def title_of(name: str) -> str:
    """Return a promise's name without its last extension."""
    return os.path.splitext(name)[0]


def _opened(path: str) -> IO[bytes]:
    """Open a file for reading; nothing that waits for somebody, and no link, which may lead a reader away."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(path)
    return os.fdopen(descriptor, "rb")


def load(path: str) -> Any:
    """Return the document of a file, None when there is none that can be read."""
    try:
        with _opened(path) as stream:
            return json.loads(stream.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return None


def save(path: str, document: Any) -> None:
    """Replace a file by a document, so that a reader sees one or the other. Raises OSError when the disk refuses."""
    beside = path + ".tmp"
    try:
        with open(beside, "w", encoding="utf-8") as stream:
            json.dump(document, stream)
        os.replace(beside, path)
    except OSError:
        with suppress(OSError):
            os.unlink(beside)
        raise


def lines_backwards(path: str) -> Iterator[str]:
    """Yield the lines of a log from the last one to the first; nothing when there is no log.

    Logs are never rotated, so they are read from their end only as far as somebody asks.
    """
    try:
        stream = _opened(path)
    except OSError:
        return
    with stream:
        place, rest = stream.seek(0, os.SEEK_END), b""
        first = True
        while place:
            size = min(_BLOCK, place)
            place -= size
            stream.seek(place)
            rest, *lines = (stream.read(size) + rest).split(b"\n")
            if first and lines and not lines[-1]:
                lines.pop()  # what follows the last newline is no line
            first = False
            for line in reversed(lines):
                yield line.decode("utf-8", "replace")
        if rest:
            yield rest.decode("utf-8", "replace")
