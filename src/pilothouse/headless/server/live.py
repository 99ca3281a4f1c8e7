"""A session that has not ended, as the server knows it right now."""

import asyncio
from collections.abc import Mapping
from typing import Any

from pilothouse.headless.server.launching import Line
from pilothouse.headless.server.spool import Spool
from pilothouse.store.headless_sessions import SessionRow


class Live:
    """One session; followers wait for its bell."""

    def __init__(self, row: SessionRow, spool: Spool, jobs: int) -> None:
        self.row = row
        self.spool = spool
        self.state = row.state
        self.started = row.started
        self.jobs = ["waiting"] * jobs
        self.last = 0
        self.ended = False
        self.line: Line | None = None
        self.order: dict[str, str] | None = None  # what its shim has yet to be told
        self._bell = asyncio.Event()

    @property
    def sid(self) -> str:
        """The session's id."""
        return self.row.sid

    def bell(self) -> asyncio.Event:
        """Return what is set at the next change; take it before looking, so that no change is missed."""
        return self._bell

    def ring(self) -> None:
        """Wake everybody who waits for a change."""
        self._bell.set()
        self._bell = asyncio.Event()

    def told(self, said: Mapping[str, Any]) -> bool:
        """Take over what the shim says of itself; returns whether the session's state changed."""
        self.last = int(said.get("ev", self.last))
        self.jobs = list(said.get("jobs", self.jobs))
        state = str(said.get("state", self.state))
        changed, self.state = state != self.state, state
        self.ring()
        return changed
