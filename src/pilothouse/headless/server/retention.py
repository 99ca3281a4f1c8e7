"""What is kept how long: folders of ended sessions, their rows, the audit log (headless 12)."""

import asyncio
import logging
from typing import Final

from pilothouse.headless.server.sessions import Sessions
from pilothouse.headless.server.spool import Spool
from pilothouse.identity.caller import LOCAL
from pilothouse.store import audit_retention, headless_sessions
from pilothouse.store.errors import StoreError

_LOG: Final = logging.getLogger("pilothouse.headless")
_PACE: Final = 3600.0


class Retention:
    """Deletes what is too old, once an hour; the audit log too, of which one entry says how much was cut."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            try:
                await self.once()
            except (StoreError, OSError):
                _LOG.exception("old sessions cannot be deleted now")
            await asyncio.sleep(_PACE)

    async def once(self) -> None:
        """Delete what is too old now."""
        site, now = self._sessions.site, self._sessions.site.clock.time()
        folders = await site.store.read(
            lambda c: headless_sessions.ended_before(c, site.service, now - site.bounds.keep_spools)
        )
        for sid in folders:
            await asyncio.to_thread(Spool(site.spools / sid).remove)
        rows = await site.store.read(
            lambda c: headless_sessions.ended_before(c, site.service, now - site.bounds.keep_sessions)
        )
        if rows:
            await site.store.write(lambda c: headless_sessions.forget(c, rows))
        if keep := site.bounds.keep_audit:
            await site.store.write(lambda c: audit_retention.cut(c, now - keep, LOCAL, now))
