"""Whether anybody has committed anything to a SQLite file: asked before what was read earlier is used again.

SQLite answers this from shared memory, in a few microseconds and for every process that writes. It waits for nobody,
so the event loop may ask.
"""

import sqlite3
from pathlib import Path


class Watch:
    """A connection that only looks at how often the file was changed."""

    def __init__(self, path: Path) -> None:
        self._raw: sqlite3.Connection | None = sqlite3.connect(
            path, timeout=0, isolation_level=None, check_same_thread=False
        )

    def version(self) -> int | None:
        """Return a number that changes with every commit, None when it cannot be told now."""
        if self._raw is None:
            return None
        try:
            return int(self._raw.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:
            return None

    def close(self) -> None:
        """End it."""
        if self._raw is not None:
            self._raw.close()
            self._raw = None
