"""What the file-writing observers share: each batch is written in a thread, so the loop never waits for a disk."""

import asyncio
from collections.abc import Sequence

from pilothouse.engine.events import Event


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
