"""Sessions of headless batches with their jobs, requests and locks (headless 12, 14)."""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection, Integer, bindparam, delete, select, update

from pilothouse.store.headless_schema import headless_jobs, headless_locks, headless_requests, headless_sessions
from pilothouse.store.statement import Row, Statement, given, insertion


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A session; ``claims`` are the keys it holds or waits for, as JSON."""

    sid: str
    service: str
    user_name: str
    os_account: str
    state: str
    reason: str = ""
    request: str = ""
    body: str = ""
    claims: str = "[]"
    label: str = ""
    client: str = ""
    credential: str = ""
    created: float
    started: float | None = None
    ended: float | None = None


class JobRow(msgspec.Struct, frozen=True, kw_only=True):
    """One job of a session; ``n`` counts from 1."""

    sid: str
    n: int
    kind: str
    name: str
    sha256: str = ""
    state: str = "waiting"
    rc: int | None = None
    signal: str = ""
    reason: str = ""
    started: float | None = None
    ended: float | None = None


class Lock(msgspec.Struct, frozen=True):
    """A place of a key that a session holds."""

    key: str
    slot: int
    sid: str


_S, _J, _R, _L = headless_sessions.c, headless_jobs.c, headless_requests.c, headless_locks.c
_SESSION = select(*(headless_sessions.c[name] for name in SessionRow.__struct_fields__))
_JOB = select(*(headless_jobs.c[name] for name in JobRow.__struct_fields__))
_ADD = Statement(insertion(headless_sessions, *SessionRow.__struct_fields__))
_ADD_JOB = Statement(insertion(headless_jobs, *JobRow.__struct_fields__))
_FIND = Statement(_SESSION.where(_S.sid == given(_S.sid)))
_LIVE = Statement(_SESSION.where(_S.service == given(_S.service), _S.ended.is_(None)).order_by(_S.sid))
_BEFORE = (
    _SESSION.where(_S.sid < given(_S.sid, "before")).order_by(_S.sid.desc()).limit(bindparam("count", type_=Integer))
)
_LATEST = Statement(_BEFORE)
_LATEST_OF = Statement(_BEFORE.where(_S.user_name == given(_S.user_name)))
_LATEST_IN = Statement(_BEFORE.where(_S.state == given(_S.state)))
_LATEST_OF_IN = Statement(_BEFORE.where(_S.user_name == given(_S.user_name), _S.state == given(_S.state)))
_STATE = Statement(
    update(headless_sessions)
    .where(_S.sid == given(_S.sid, "key"), _S.ended.is_(None))
    .values(state=given(_S.state, "new_state"), started=given(_S.started, "new_started"))
)
_END = Statement(
    update(headless_sessions)
    .where(_S.sid == given(_S.sid, "key"), _S.ended.is_(None))
    .values(
        state=given(_S.state, "new_state"),
        reason=given(_S.reason, "new_reason"),
        started=given(_S.started, "new_started"),
        ended=given(_S.ended, "new_ended"),
    )
)
_JOBS = Statement(_JOB.where(_J.sid == given(_J.sid)).order_by(_J.n))
_END_JOB = Statement(
    update(headless_jobs)
    .where(_J.sid == given(_J.sid, "key"), _J.n == given(_J.n, "number"))
    .values({name: given(_J[name], f"new_{name}") for name in ("state", "rc", "signal", "reason", "started", "ended")})
)
_REQUEST = Statement(
    select(_R.body, _R.sid).where(
        _R.user_name == given(_R.user_name), _R.request == given(_R.request), _R.until > given(_R.until, "now")
    )
)
_ADD_REQUEST = Statement(insertion(headless_requests, "user_name", "request", "body", "sid", "until"))
_OLD_REQUESTS = Statement(delete(headless_requests).where(_R.until <= given(_R.until, "now")))
_LOCKS = Statement(select(_L.key, _L.slot, _L.sid).order_by(_L.key, _L.slot))
_LOCK = Statement(insertion(headless_locks, "key", "slot", "sid", "since"))
_UNLOCK = Statement(delete(headless_locks).where(_L.sid == given(_L.sid)))
_ENDED_BEFORE = Statement(
    select(_S.sid).where(_S.service == given(_S.service), _S.ended < given(_S.ended, "limit")).order_by(_S.sid)
)
_DELETE = Statement(delete(headless_sessions).where(_S.sid == given(_S.sid)))
_DELETE_JOBS = Statement(delete(headless_jobs).where(_J.sid == given(_J.sid)))
_AFTER_ALL = "~"  # sorts behind every id


def add(connection: Connection, session: SessionRow, jobs: Iterable[JobRow]) -> None:
    """Record a session with its jobs."""
    _ADD.run(connection, **msgspec.structs.asdict(session))
    _ADD_JOB.many(connection, [msgspec.structs.asdict(job) for job in jobs])


def record_request(connection: Connection, user: str, request: str, body: str, sid: str, until: float) -> None:
    """Remember which session answered a request."""
    _ADD_REQUEST.run(connection, user_name=user, request=request, body=body, sid=sid, until=until)


def request(connection: Connection, user: str, name: str, now: float) -> tuple[str, str] | None:
    """Return body and session of a request that is remembered; what is too old is forgotten."""
    _OLD_REQUESTS.run(connection, now=now)
    return remembered(connection, user, name, now)


def remembered(connection: Connection, user: str, name: str, now: float) -> tuple[str, str] | None:
    """Return body and session of a request that is remembered."""
    row = _REQUEST.first(connection, user_name=user, request=name, now=now)
    return None if row is None else (row[0], row[1])


def requested(connection: Connection, user: str, name: str, now: float) -> str | None:
    """Return the session of a request that is remembered."""
    found = remembered(connection, user, name, now)
    return None if found is None else found[1]


def find(connection: Connection, sid: str) -> SessionRow | None:
    """Return a session."""
    row = _FIND.first(connection, sid=sid)
    return None if row is None else _session(row)


def live(connection: Connection, service: str) -> list[SessionRow]:
    """Return the sessions of a server that have not ended, oldest first."""
    return [_session(row) for row in _LIVE.rows(connection, service=service)]


def latest(
    connection: Connection, *, user: str | None = None, state: str | None = None, before: str = "", count: int = 200
) -> list[SessionRow]:
    """Return sessions, the newest first."""
    page = {"before": before or _AFTER_ALL, "count": count}
    match (user, state):
        case (None, None):
            rows = _LATEST.rows(connection, **page)
        case (None, _):
            rows = _LATEST_IN.rows(connection, state=state, **page)
        case (_, None):
            rows = _LATEST_OF.rows(connection, user_name=user, **page)
        case _:
            rows = _LATEST_OF_IN.rows(connection, user_name=user, state=state, **page)
    return [_session(row) for row in rows]


def jobs(connection: Connection, sid: str) -> list[JobRow]:
    """Return the jobs of a session in order."""
    return [JobRow(**dict(zip(JobRow.__struct_fields__, row, strict=True))) for row in _JOBS.rows(connection, sid=sid)]


def change_state(connection: Connection, sid: str, state: str, started: float | None) -> bool:
    """Set the state of a session that has not ended; returns whether it had not."""
    return _STATE.run(connection, key=sid, new_state=state, new_started=started) > 0


def end(
    connection: Connection,
    sid: str,
    state: str,
    reason: str,
    started: float | None,
    ended: float,
    jobs: Sequence[JobRow],
) -> bool:
    """End a session and give back its locks; returns whether it had not ended before."""
    changed = _END.run(connection, key=sid, new_state=state, new_reason=reason, new_started=started, new_ended=ended)
    _UNLOCK.run(connection, sid=sid)
    for job in jobs if changed else ():
        _END_JOB.run(
            connection, key=sid, number=job.n, new_state=job.state, new_rc=job.rc, new_signal=job.signal,
            new_reason=job.reason, new_started=job.started, new_ended=job.ended,
        )  # fmt: skip
    return changed > 0


def locks(connection: Connection) -> list[Lock]:
    """Return every lock that is held."""
    return [Lock(*row) for row in _LOCKS.rows(connection)]


def take(connection: Connection, places: Iterable[tuple[str, int]], sid: str, now: float) -> None:
    """Take places of keys; a place that is held fails the transaction."""
    for key, slot in places:
        _LOCK.run(connection, key=key, slot=slot, sid=sid, since=now)


def ended_before(connection: Connection, service: str, limit: float) -> list[str]:
    """Return the sessions that had ended by then."""
    return [row[0] for row in _ENDED_BEFORE.rows(connection, service=service, limit=limit)]


def forget(connection: Connection, sids: Iterable[str]) -> None:
    """Delete sessions."""
    for sid in sids:
        _DELETE_JOBS.run(connection, sid=sid)
        _DELETE.run(connection, sid=sid)


def _session(row: Row) -> SessionRow:
    return SessionRow(**dict(zip(SessionRow.__struct_fields__, row, strict=True)))
