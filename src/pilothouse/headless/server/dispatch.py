"""What a client that is logged in may ask for, and the sessions it follows (headless 9.3 to 9.5)."""

import asyncio
from typing import Final

from pilothouse.errors import PilothouseError
from pilothouse.headless.codes import ErrorCode, ProtocolError
from pilothouse.headless.envelope import start_body
from pilothouse.headless.messages import (
    Accepted,
    Attach,
    Attached,
    Cancel,
    Cancelling,
    ClientMessage,
    Detach,
    Detached,
    Error,
    List,
    Message,
    Query,
    Refused,
    Start,
)
from pilothouse.headless.messages import (
    Sessions as SessionList,
)
from pilothouse.headless.server import reporting
from pilothouse.headless.server.following import follow
from pilothouse.headless.server.identifiers import is_sid
from pilothouse.headless.server.login import Visitor
from pilothouse.headless.server.orders import StartRefusedError
from pilothouse.headless.server.sending import Sender
from pilothouse.headless.server.sessions import Sessions
from pilothouse.headless.server.states import ENDED
from pilothouse.headless.shim.eventlog import moment
from pilothouse.store import headless_sessions
from pilothouse.store.headless_sessions import SessionRow

_NOT_WATCHED: Final = frozenset({"none", "0"})


class Dispatch:
    """Answers one visitor's messages."""

    def __init__(self, visitor: Visitor, sessions: Sessions, sender: Sender, tasks: asyncio.TaskGroup) -> None:
        self._visitor = visitor
        self._sessions = sessions
        self._sender = sender
        self._tasks = tasks
        self._followed: dict[str, asyncio.Task[None]] = {}

    @property
    def following(self) -> bool:
        """Whether events of a session are awaited."""
        return any(not task.done() for task in self._followed.values())

    def leave(self) -> None:
        """Follow nothing any more."""
        for task in self._followed.values():
            task.cancel()

    async def take(self, message: ClientMessage) -> None:
        """Answer a message. Raises ProtocolError for one that has no place here."""
        match message:
            case Start():
                await self._start(message)
            case Attach():
                await self._attach(message)
            case Detach():
                await self._detach(message)
            case Query():
                await self._query(message)
            case List():
                await self._list(message)
            case Cancel():
                await self._cancel(message)
            case _:
                raise ProtocolError(ErrorCode.PROTO_STATE, "this message has no place after the login")

    async def _start(self, start: Start) -> None:
        try:
            answer = await self._sessions.start(self._visitor, start, start_body(start))
        except StartRefusedError as refused:
            await self._sender.answer(_refused(refused.code, refused.reason, refused.job, refused.holder))
            return
        except (PilothouseError, OSError) as error:
            await self._sender.answer(_refused(ErrorCode.SERVER_FULL, f"the server cannot record it: {error}"))
            return
        row = answer.row
        await self._sender.answer(
            Accepted(
                session=row.sid,
                state=row.state,  # type: ignore[arg-type]
                created=moment(row.created),
                job_count=len(start.jobs),
                replay=answer.replay,
                joined=answer.joined,
            )
        )
        if start.wait not in _NOT_WATCHED:
            self._follow(row, 1, start.events)

    async def _attach(self, attach: Attach) -> None:
        row = await self._seen(attach.session)
        if row is None:
            await self._sender.answer(_error(ErrorCode.NO_SUCH_SESSION))
            return
        spool = self._sessions.spool_of(row)
        if not await asyncio.to_thread(lambda: spool.exists):
            await self._sender.answer(_error(ErrorCode.EVENTS_GONE, first=1))
            return
        last = await asyncio.to_thread(spool.last)
        await self._sender.answer(Attached(session=row.sid, state=row.state, first=1, last=last))  # type: ignore[arg-type]
        self._follow(row, attach.from_, attach.events)

    async def _detach(self, detach: Detach) -> None:
        task = self._followed.pop(detach.session, None)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        await self._sender.answer(Detached(session=detach.session))

    async def _query(self, query: Query) -> None:
        sid = query.session
        if sid is None and query.request is not None:
            name, now = self._visitor.user.name, self._sessions.site.clock.time()
            request = query.request
            sid = await self._sessions.site.store.read(lambda c: headless_sessions.requested(c, name, request, now))
        row = await self._seen(sid or "")
        if row is None:
            await self._sender.answer(_error(ErrorCode.NO_SUCH_SESSION))
            return
        await self._sender.answer(await reporting.status(self._sessions, row))

    async def _list(self, wanted: List) -> None:
        rights, name = self._visitor.rights, self._visitor.user.name
        own_only = wanted.mine or not rights.may_see(own=False)
        rows = []
        if rights.may_see(own=True):
            rows = await self._sessions.site.store.read(
                lambda c: headless_sessions.latest(
                    c,
                    user=name if own_only else None,
                    state=wanted.state,
                    before=wanted.before or "",
                    count=wanted.limit,
                )
            )
        found = [await reporting.status(self._sessions, self._sessions.now(row)) for row in rows]
        await self._sender.answer(SessionList(statuses=tuple(found)))

    async def _cancel(self, cancel: Cancel) -> None:
        row = await self._seen(cancel.session)
        own = row is not None and row.user_name == self._visitor.user.name
        if row is None or not self._visitor.rights.may_cancel(own=own):
            await self._sender.answer(_error(ErrorCode.NO_SUCH_SESSION))
            return
        if row.state in ENDED or not await self._sessions.cancel(cancel, self._visitor.caller()):
            await self._sender.answer(_error(ErrorCode.SESSION_ENDED))
            return
        state = (await self._sessions.found(row.sid) or row).state
        await self._sender.answer(Cancelling(session=row.sid, state=state))  # type: ignore[arg-type]

    async def _seen(self, sid: str) -> SessionRow | None:
        """Return a session if there is one that this visitor may see; both look the same from outside."""
        row = await self._sessions.found(sid) if is_sid(sid) else None
        if row is None or not self._visitor.rights.may_see(own=row.user_name == self._visitor.user.name):
            return None
        return row

    def _follow(self, row: SessionRow, start: int, events: str) -> None:
        if (before := self._followed.pop(row.sid, None)) is not None:
            before.cancel()
        self._followed[row.sid] = self._tasks.create_task(
            follow(self._sessions, row, start, self._sender, everything=events == "all")
        )


def _refused(code: ErrorCode, text: str, job: int | None = None, holder: str | None = None) -> Refused:
    return Refused(code=int(code), name=code.name, text=text, job=job, holder=holder)


def _error(code: ErrorCode, first: int | None = None) -> Message:
    texts = {
        ErrorCode.NO_SUCH_SESSION: "there is no such session, or you may not see it",
        ErrorCode.SESSION_ENDED: "the session has ended",
        ErrorCode.EVENTS_GONE: "the events of this session are no longer kept",
    }
    return Error(code=int(code), name=code.name, text=texts[code], first=first)
