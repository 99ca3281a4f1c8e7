"""ACTOR: every session of this server from its acceptance to its end (headless 10.3, 12, 14).

The database says which sessions there are, the lock of a shim says which of them live, the spool says what happened.
A connection has no part in any of it.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec
from sqlalchemy import Connection

from pilothouse.headless.codes import ErrorCode
from pilothouse.headless.messages import Cancel, Start
from pilothouse.headless.server import ledger, states
from pilothouse.headless.server.acceptance import Answer, Site, record, repeated
from pilothouse.headless.server.bounds import has_slot
from pilothouse.headless.server.endings import closed, end_of, never_ran, settled
from pilothouse.headless.server.flight import Join, Wait
from pilothouse.headless.server.launching import Line, bring_up, connect
from pilothouse.headless.server.ledger import Candidate, Replay
from pilothouse.headless.server.live import Live
from pilothouse.headless.server.login import Visitor
from pilothouse.headless.server.orders import StartRefusedError
from pilothouse.headless.server.spool import Spool, sweep
from pilothouse.headless.shim.layout import Result
from pilothouse.identity.caller import LOCAL, Caller
from pilothouse.store import audit, headless_sessions
from pilothouse.store.errors import StoreError
from pilothouse.store.headless_sessions import SessionRow

_LOG: Final = logging.getLogger("pilothouse.headless")
_PAUSE: Final = 0.05  # seconds between two looks whether a launch is over
_LOOK: Final = 2.0  # seconds between two looks at the queue, which an administrator may change in the database
_RETRY: Final = 5.0  # seconds, when the database is away


class Sessions:
    """The sessions of one server; `run` keeps them going."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.live: dict[str, Live] = {}
        self.draining = False
        self._choosing = False
        self._accepting: set[asyncio.Task[Answer]] = set()
        self._kick = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self, ready: Callable[[], None]) -> None:
        """Take up what an earlier server left, then start what is accepted, until cancelled; shims stay."""
        async with asyncio.TaskGroup() as self._tasks:
            await self._adopt()
            ready()
            while True:
                self._kick.clear()
                patience = await self._choose()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(patience):
                        await self._kick.wait()

    async def _choose(self) -> float | None:
        """Start what may start; returns in how many seconds to look again, None when nothing waits."""
        self._choosing = True
        try:
            await self._schedule()
        except StoreError:
            _LOG.exception("the queue cannot be looked at now")
            return _RETRY
        finally:
            self._choosing = False
        return self._patience()

    async def drain(self) -> None:
        """Start nothing more, and wait until every start is answered and every shim that was to come up is up."""
        self.draining = True
        while self._choosing or self._accepting or self._launching():  # noqa: ASYNC110 - rarely and shortly true
            await asyncio.sleep(_PAUSE)

    def _launching(self) -> bool:
        return any(live.state == "starting" for live in self.live.values())

    async def start(self, visitor: Visitor, start: Start, body: bytes) -> Answer:
        """Accept a start; its session is on the disk on return. Raises StartRefusedError, StoreError.

        Who is cancelled while it waits for that leaves a session that is recorded whole, or not at all.
        """
        if self.draining:
            raise StartRefusedError(ErrorCode.SHUTTING_DOWN, "the server is being stopped")
        accepting = asyncio.create_task(self._accept(visitor, start, body))
        self._accepting.add(accepting)
        accepting.add_done_callback(self._accepting.discard)
        return await asyncio.shield(accepting)

    async def _accept(self, visitor: Visitor, start: Start, body: bytes) -> Answer:
        if (replay := await repeated(self.site, visitor, start, body)) is not None:
            return await self._known(replay)
        candidate, spool, decision = await record(self.site, visitor, start, body)
        if isinstance(decision, Replay | Join):
            return await self._known(decision)
        await self._begin(candidate, spool)
        for sid in decision.replaces if isinstance(decision, Wait) else ():
            await self._replace(sid, candidate.session.sid, visitor.caller())
        return Answer(candidate.session)

    async def _known(self, found: Replay | Join) -> Answer:
        row = await self.found(found.sid)
        if row is None:
            raise StartRefusedError(ErrorCode.NO_SUCH_SESSION, "the session of this request is no longer kept")
        return Answer(row, isinstance(found, Replay), isinstance(found, Join))

    async def cancel(self, cancel: Cancel, caller: Caller) -> bool:
        """Cancel a session; returns whether it had not ended."""
        why = f"cancelled by {caller.name}" + (f": {cancel.reason}" if cancel.reason else "")
        return await self._stop(cancel.session, cancel.mode, "cancelled", why, caller)

    async def found(self, sid: str) -> SessionRow | None:
        """Return what the database has of a session, with the state of this moment."""
        row = await self.site.store.read(lambda c: headless_sessions.find(c, sid))
        return self.now(row) if row is not None else None

    def now(self, row: SessionRow) -> SessionRow:
        """Return a row with the state of this moment."""
        live = self.live.get(row.sid)
        return row if live is None else msgspec.structs.replace(row, state=live.state, started=live.started)

    def spool_of(self, row: SessionRow) -> Spool:
        """Return the folder of a session."""
        return self._spool(row.sid)

    def _spool(self, sid: str) -> Spool:
        return Spool(self.site.spools / sid)

    async def _begin(self, candidate: Candidate, spool: Spool) -> None:
        # it is recorded: whatever fails from here on must not make it look refused
        live = Live(candidate.session, spool, len(candidate.jobs))
        try:
            await asyncio.to_thread(spool.append, live.sid, "session-state", state="queued")
            live.last = 1
        except OSError:
            _LOG.exception("session %s: that it is queued cannot be written", live.sid)
        self.live[live.sid] = live
        self._kick.set()

    async def _replace(self, old: str, new: str, caller: Caller) -> None:
        try:
            await self._stop(old, "graceful", "cancelled", f"replaced by {new}", caller)
        except StoreError:
            _LOG.exception("session %s: it cannot be cancelled for %s, which waits for it", old, new)

    def _spawn(self, live: Live, *, launched: bool) -> None:
        if self._tasks is not None:
            self._tasks.create_task(self._carry(live, launched=launched))

    async def _adopt(self) -> None:
        rows = await self.site.store.read(lambda c: headless_sessions.live(c, self.site.service))
        for row in rows:
            jobs = await self.site.store.read(partial(headless_sessions.jobs, sid=row.sid))
            live = Live(row, self._spool(row.sid), len(jobs))
            self.live[row.sid] = live
            if not live.spool.exists:
                await self._lose(live, "its folder is gone")
            elif row.state != "queued":
                live.last = await asyncio.to_thread(live.spool.last)
                self._spawn(live, launched=True)
        await asyncio.to_thread(sweep, self.site.spools, {row.sid for row in rows})

    async def _drop_ended(self) -> None:
        """Let go of queued sessions that an administrator ended in the database."""
        queued = [live for live in self.live.values() if live.state == "queued"]
        if not queued:
            return
        alive = {
            row.sid for row in await self.site.store.read(partial(headless_sessions.live, service=self.site.service))
        }
        for live in queued:
            if live.sid not in alive and not live.ended:
                live.ended = True
                self.live.pop(live.sid, None)
                live.ring()

    async def _schedule(self) -> None:
        await self._drop_ended()
        for live in sorted(self.live.values(), key=lambda each: (each.row.created, each.sid)):
            if live.state != "queued" or live.ended:
                continue
            if self.site.clock.time() >= live.row.created + self.site.bounds.queue_ttl:
                await self._end_queued(live, "expired", "it waited too long in the queue", LOCAL)
                continue
            running = sum(each.state != "queued" for each in self.live.values())
            if self.draining or not has_slot(self.site.bounds, running):
                continue
            now = self.site.clock.time()
            if await self.site.store.write(partial(ledger.launch, row=live.row, now=now)) and not live.ended:
                live.state = states.follow(live.state, states.Event.LAUNCH)
                self._spawn(live, launched=False)

    def _patience(self) -> float | None:
        queued = [live.row.created for live in self.live.values() if live.state == "queued"]
        if not queued:
            return None
        rest = min(queued) + self.site.bounds.queue_ttl - self.site.clock.time()
        return max(0.01, min(rest, _LOOK))

    async def _carry(self, live: Live, *, launched: bool) -> None:
        while not live.ended:
            try:
                if not launched:
                    live.last += 1
                    why = await bring_up(live.spool, live.sid)
                    if why and not await asyncio.to_thread(live.spool.is_alive):
                        await self._end(live, never_ran(live, why, self.site.clock.time()))
                        return
                launched = True
                await self._end(live, await self._accompany(live))
            except Exception:  # noqa: BLE001 - one session's trouble is not the others'
                _LOG.exception("session %s: the server lost hold of it and takes it up again", live.sid)
                if not live.spool.exists:
                    await self._lose(live, "its folder is gone")
                    return
                await asyncio.sleep(_RETRY)

    async def _accompany(self, live: Live) -> Result:
        while True:
            while (line := await connect(live.spool)) is not None:
                await self._follow(live, line)
            try:
                return await asyncio.to_thread(settled, live, self.site.clock.time())
            except BlockingIOError:
                continue  # its shim, which an earlier server had started, has come up only now

    async def _follow(self, live: Live, line: Line) -> None:
        try:
            if live.order is not None:
                line.order(**live.order)
            live.line = line
            async for said in line.said():
                if live.told(said):
                    await self._changed(live)
        finally:
            live.line = None
            line.close()

    async def _changed(self, live: Live) -> None:
        if live.started is None:
            live.started = self.site.clock.time()
        state, started = live.state, live.started
        try:
            await self.site.store.write(lambda c: headless_sessions.change_state(c, live.sid, state, started))
        except StoreError:  # its end will be recorded, however long that takes
            _LOG.exception("session %s: that it is %s cannot be recorded now", live.sid, state)

    async def _lose(self, live: Live, why: str) -> None:
        ends = [end_of(state) for state in live.jobs]
        await self._end(live, closed(live, ends, "lost", why, self.site.clock.time()), spool=False)

    async def _end(self, live: Live, result: Result, caller: Caller = LOCAL, *, spool: bool = True) -> None:
        if spool:
            await asyncio.to_thread(live.spool.close, live.sid, result)
        now = self.site.clock.time()
        while True:
            try:
                await self.site.store.write(lambda c: ledger.finish(c, live.row, result, caller, now))
                break
            except StoreError:
                _LOG.exception("session %s: its end cannot be recorded yet", live.sid)
                await asyncio.sleep(_RETRY)
        live.state, live.ended = result["state"], True
        live.jobs = [end["state"] for end in result["jobs"]]
        self.live.pop(live.sid, None)
        live.ring()
        self._kick.set()

    async def _end_queued(self, live: Live, state: str, why: str, caller: Caller) -> None:
        live.ended = True
        ends = [end_of("waiting") for _ in live.jobs]
        await self._end(live, closed(live, ends, state, why, self.site.clock.time()), caller)

    async def _stop(self, sid: str, mode: str, end: str, why: str, caller: Caller) -> bool:
        live = self.live.get(sid)
        if live is None or live.ended:
            return False
        detail = {"mode": mode, "why": why}
        now = self.site.clock.time()

        def record(connection: Connection) -> None:
            audit.append(connection, caller, "headless cancel", f"session {sid}", detail, now)

        await self.site.store.write(record)
        if live.state == "queued":
            await self._end_queued(live, end, why, caller)
            return True
        live.order = {"cancel": mode, "end": end, "why": why}
        if live.line is not None:
            live.line.order(**live.order)
        return True
