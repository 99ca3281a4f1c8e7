"""What the database is told of sessions: acceptance, places, ends; each is one transaction (headless 12, 14)."""

import hashlib
from collections.abc import Callable, Mapping, Sequence

import msgspec
from sqlalchemy import Connection

from pilothouse.headless.codes import ErrorCode
from pilothouse.headless.server import bounds, flight
from pilothouse.headless.server.bounds import Bounds, Load
from pilothouse.headless.server.flight import Busy, Claim, Go, Join, Standing, Wait
from pilothouse.headless.server.orders import StartRefusedError
from pilothouse.headless.shim.layout import Result
from pilothouse.identity.caller import Caller
from pilothouse.store import audit, headless_sessions
from pilothouse.store.headless_sessions import JobRow, SessionRow


class Replay(msgspec.Struct, frozen=True):
    """The same request was accepted before."""

    sid: str


Decision = Go | Wait | Join | Replay
MaySee = Callable[[SessionRow], bool]


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A start that is checked and wants to be accepted; ``body`` is the hash of the whole message."""

    session: SessionRow
    jobs: tuple[JobRow, ...]
    claims: tuple[Claim, ...]
    body: str
    caller: Caller


def claims_of(row: SessionRow) -> tuple[Claim, ...]:
    """Return the keys that a session holds or waits for."""
    return msgspec.json.decode(row.claims, type=tuple[Claim, ...])


def digest(content: bytes) -> str:
    """Return the hash under which bodies are compared."""
    return hashlib.sha256(content).hexdigest()


def accept(connection: Connection, candidate: Candidate, limits: Bounds, now: float, may_see: MaySee) -> Decision:
    """Record a session, or say why not. Raises StartRefusedError, with nothing recorded."""
    new = candidate.session
    before = headless_sessions.request(connection, new.user_name, new.request, now)
    if before is not None:
        if before[0] != candidate.body:
            raise StartRefusedError(ErrorCode.REQUEST_MISMATCH, "this request id was used for another start")
        return Replay(before[1])
    rows = headless_sessions.live(connection, new.service)
    decision = _decide(connection, candidate, rows)
    until = now + bounds.REQUEST_MEMORY
    if isinstance(decision, Join):
        headless_sessions.record_request(connection, new.user_name, new.request, candidate.body, decision.sid, until)
        return decision
    if isinstance(decision, Busy):
        holder = headless_sessions.find(connection, decision.holder)
        seen = decision.holder if holder is not None and may_see(holder) else None
        raise StartRefusedError(ErrorCode.BUSY, "it is running already", holder=seen)
    if why := bounds.full(limits, _load(rows, new.user_name)):
        raise StartRefusedError(ErrorCode.SERVER_FULL, why)
    headless_sessions.add(connection, new, candidate.jobs)
    headless_sessions.record_request(connection, new.user_name, new.request, candidate.body, new.sid, until)
    if isinstance(decision, Go):
        headless_sessions.take(connection, decision.places, new.sid, now)
    jobs = [{"kind": job.kind, "name": job.name, "sha256": job.sha256} for job in candidate.jobs]
    detail = {"jobs": jobs, "account": new.os_account, "from": new.client, "label": new.label}
    audit.append(connection, candidate.caller, "headless start", f"session {new.sid}", detail, now)
    return decision


def launch(connection: Connection, row: SessionRow, now: float) -> bool:
    """Let a queued session start if its keys are free; returns whether they were."""
    found_row = headless_sessions.find(connection, row.sid)
    if found_row is None or found_row.ended is not None:
        return False
    held = _held(connection, {})
    claims = claims_of(row)
    if not any(each.sid == row.sid for places in held.values() for each in places.values()):
        older = _wanted(connection, row)
        found = flight.ready(claims, held, older)
        if found is None:
            return False
        headless_sessions.take(connection, found.places, row.sid, now)
    return headless_sessions.change_state(connection, row.sid, "starting", None)


def finish(connection: Connection, row: SessionRow, result: Result, caller: Caller, now: float) -> bool:
    """Record the end of a session and give back its keys; returns whether it had not ended before."""
    jobs = [JobRow(sid=row.sid, n=n, kind="", name="", **end) for n, end in enumerate(result["jobs"], 1)]
    ended = headless_sessions.end(
        connection, row.sid, result["state"], result["reason"], result["started"], result["ended"], jobs
    )
    if ended:
        detail = {"state": result["state"], "reason": result["reason"]}
        audit.append(connection, caller, "headless end", f"session {row.sid}", detail, now)
    return ended


def _decide(connection: Connection, candidate: Candidate, rows: Sequence[SessionRow]) -> Go | Wait | Join | Busy:
    new = candidate.session
    by_sid = {row.sid: Standing(row.sid, (row.user_name, row.body) == (new.user_name, new.body)) for row in rows}
    held = _held(connection, by_sid)
    holding = {each.sid for places in held.values() for each in places.values()}
    waiting: dict[str, list[Standing]] = {}
    for row in rows:
        if row.state == "queued" and row.sid not in holding:
            for claim in claims_of(row):
                waiting.setdefault(claim.key, []).append(by_sid[row.sid])
    return flight.decide(candidate.claims, held, waiting)


def _held(connection: Connection, known: Mapping[str, Standing]) -> dict[str, dict[int, Standing]]:
    held: dict[str, dict[int, Standing]] = {}
    for lock in headless_sessions.locks(connection):
        held.setdefault(lock.key, {})[lock.slot] = known.get(lock.sid, Standing(lock.sid))
    return held


def _wanted(connection: Connection, row: SessionRow) -> frozenset[str]:
    rows = headless_sessions.live(connection, row.service)
    older = [each for each in rows if each.state == "queued" and (each.created, each.sid) < (row.created, row.sid)]
    holding = {lock.sid for lock in headless_sessions.locks(connection)}
    return frozenset(claim.key for each in older if each.sid not in holding for claim in claims_of(each))


def _load(rows: Sequence[SessionRow], user: str) -> Load:
    queued = sum(row.state == "queued" for row in rows)
    return Load(len(rows) - queued, queued, sum(row.user_name == user for row in rows))
