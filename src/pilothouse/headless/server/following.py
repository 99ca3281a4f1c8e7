"""The events of a session on their way to a client: read from the spool, at the client's pace."""

import asyncio

from pilothouse.headless.messages import SessionEnd
from pilothouse.headless.server.sending import Sender
from pilothouse.headless.server.sessions import Sessions
from pilothouse.headless.server.spool import Cursor, event_of
from pilothouse.store.headless_sessions import SessionRow


async def follow(sessions: Sessions, row: SessionRow, start: int, sender: Sender, *, everything: bool) -> None:
    """Send the events from number ``start`` on until the session's last one; or only that one.

    The last event waits until the database knows of the end too: who has heard it may start the same job again.
    """
    cursor = Cursor(sessions.spool_of(row).folder, start)
    while True:
        live = sessions.live.get(row.sid)
        bell = live.bell() if live is not None else None
        try:
            lines = await asyncio.to_thread(cursor.read)
        except FileNotFoundError:
            return
        for _, line in lines:
            event = event_of(line)
            last = isinstance(event, SessionEnd)
            if last:
                await _recorded(sessions, row.sid)
            if last or everything:
                await sender.say(event)
            if last:
                return
        if not lines:
            if bell is None:
                return
            await bell.wait()


async def _recorded(sessions: Sessions, sid: str) -> None:
    while (live := sessions.live.get(sid)) is not None:
        await live.bell().wait()
