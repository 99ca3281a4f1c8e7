"""What the file-writing observers share: each batch is written in a thread, so the loop never waits for a disk."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from pilothouse.engine.events import Event

_LONGEST_USER: Final = 50


class FileWatcher:
    """An observer whose ``write`` and ``finish`` block on files."""

    async def observe(self, events: Sequence[Event]) -> None:
        """Write down a batch."""
        await asyncio.to_thread(self.write, events)

    async def close(self) -> None:
        """Write the rest and close files."""
        await asyncio.to_thread(self.finish)

    def write(self, events: Sequence[Event]) -> None:
        """Write down a batch; blocking."""
        raise NotImplementedError

    def finish(self) -> None:
        """Close files; blocking."""


def prefixed(prefix: str, lines: Iterable[str]) -> list[str]:
    """Return the lines as a log holds them, each with the prefix; a text of several lines becomes several."""
    return [f"{prefix}{part}\n" for line in lines for part in line.split("\n")]


def plain_name(user: str) -> str:
    """Return a user's name as part of a file's name."""
    return "".join(c if c.isalnum() or c in "-_@" else "_" for c in user[:_LONGEST_USER]) or "anonymous"
