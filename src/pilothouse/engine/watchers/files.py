"""What the file-writing observers share.

Each batch is written in a thread, so the loop never waits for a disk. A file that cannot be written (the disk
is full) is tried again with the next batch, and does not keep the others from being written.
"""

import abc
import asyncio
import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from pilothouse.engine.events import Event

_LONGEST_USER: Final = 50


class FileWatcher(abc.ABC):
    """An observer whose ``write`` and ``finish`` block on files; its first fault comes to light when it is closed."""

    # a batch costs a thread's turn, whatever is in it
    pace: float = 0.05

    def __init__(self) -> None:
        self._fault: OSError | None = None

    async def observe(self, events: Sequence[Event]) -> None:
        """Write down a batch."""
        await asyncio.to_thread(self.write, events)

    async def close(self) -> None:
        """Write the rest and close files; raises the first OSError there was."""
        await asyncio.to_thread(self.finish)
        if self._fault is not None:
            raise self._fault

    @contextlib.contextmanager
    def attempt(self, path: Path) -> Iterator[None]:
        """Try something with a file; a refusal of the disk is noted and passed over."""
        try:
            yield
        except OSError as error:
            self._fault = self._fault or OSError(error.errno, error.strerror, str(path))

    @abc.abstractmethod
    def write(self, events: Sequence[Event]) -> None:
        """Write down a batch; blocking."""

    def finish(self) -> None:  # noqa: B027 - not every watcher keeps files open
        """Close files; blocking."""


def prefixed(prefix: str, lines: Iterable[str]) -> list[str]:
    """Return the lines as a log holds them, each with the prefix; a text of several lines becomes several."""
    return [f"{prefix}{part}\n" for line in lines for part in line.split("\n")]


def plain_name(user: str) -> str:
    """Return a user's name as part of a file's name."""
    return "".join(c if c.isalnum() or c in "-_@" else "_" for c in user[:_LONGEST_USER]) or "anonymous"
