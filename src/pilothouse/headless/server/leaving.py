"""The end of a server: sessions go on, or are cancelled first where that was asked (headless 12)."""

import asyncio
import contextlib
from typing import Final

from pilothouse.headless.messages import Cancel
from pilothouse.headless.server.seat import Mode
from pilothouse.headless.server.sessions import Sessions
from pilothouse.identity.caller import Caller

_PAUSE: Final = 0.05
_SERVER: Final = Caller(kind="local", name="the server", how="stop")
_WHY: Final = "it is being stopped"


async def cancel_all(sessions: Sessions, mode: Mode) -> None:
    """Cancel every session, and wait until all have ended; nothing is accepted meanwhile."""
    sessions.draining = True
    asked: set[str] = set()
    while sessions.live:
        for sid in set(sessions.live) - asked:
            asked.add(sid)
            await sessions.cancel(Cancel(sid, mode, _WHY), _SERVER)
        for live in list(sessions.live.values()):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE):
                    await live.bell().wait()
