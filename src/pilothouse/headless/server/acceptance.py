"""From a start to what is recorded and what its shim is given (headless 9.3, 13)."""

import asyncio
from pathlib import Path
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from pilothouse.clock import Clock
from pilothouse.headless.messages import Start
from pilothouse.headless.server import engine, ledger, oslogin
from pilothouse.headless.server.bounds import Bounds, SessionLimits, narrowed
from pilothouse.headless.server.flight import Join
from pilothouse.headless.server.identifiers import ulid
from pilothouse.headless.server.ledger import Candidate
from pilothouse.headless.server.login import Visitor
from pilothouse.headless.server.orders import Catalogue, Order, prepare
from pilothouse.headless.server.spool import Spool
from pilothouse.headless.shim.layout import Plan
from pilothouse.store import headless_catalogue, headless_sessions
from pilothouse.store.contract import Store
from pilothouse.store.headless_sessions import JobRow, SessionRow


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """What sessions need of the world around them; ``engine`` is its environment."""

    store: Store
    clock: Clock
    service: str
    spools: Path
    python: str
    bounds: Bounds = Bounds()
    limits: SessionLimits = SessionLimits()
    engine: dict[str, str] = {}


def catalogue(connection: Connection) -> Catalogue:
    """Return what there is to run now."""
    published = {row.name: row for row in headless_catalogue.modules(connection)}
    return Catalogue(headless_catalogue.roots(connection), lambda name: published.get(name.lower()))


class Answer(msgspec.Struct, frozen=True):
    """What became of a start that was not refused."""

    row: SessionRow
    replay: bool = False
    joined: bool = False


class Recorded(NamedTuple):
    """What the database and the disk have of a start; the folder of one that was accepted before is gone again."""

    candidate: Candidate
    spool: Spool
    decision: ledger.Decision


async def repeated(site: Site, visitor: Visitor, start: Start, body: bytes) -> ledger.Replay | None:
    """Return what an identical start was answered, whatever became of its modules and files since."""
    name, now = visitor.user.name, site.clock.time()
    before = await site.store.read(lambda c: headless_sessions.remembered(c, name, start.request, now))
    return ledger.Replay(before[1]) if before is not None and before[0] == ledger.digest(body) else None


async def record(site: Site, visitor: Visitor, start: Start, body: bytes) -> Recorded:
    """Check a start and record it; it is durable on return. Raises StartRefusedError, StoreError, OSError."""
    now = site.clock.time()
    found = await site.store.read(catalogue)
    orders = await asyncio.to_thread(prepare, start.jobs, visitor.rights, found)
    candidate = candidate_of(site, visitor, start, orders, body, now)
    spool = Spool(site.spools / candidate.session.sid)

    def may_see(row: SessionRow) -> bool:
        return visitor.rights.may_see(own=row.user_name == visitor.user.name)

    try:
        await asyncio.to_thread(spool.make, plan_of(site, visitor, start, orders, candidate.session))
        decision = await site.store.write(lambda c: ledger.accept(c, candidate, site.bounds, now, may_see))
    except BaseException:
        await asyncio.to_thread(spool.remove)
        raise
    if isinstance(decision, ledger.Replay | Join):
        await asyncio.to_thread(spool.remove)
    return Recorded(candidate, spool, decision)


def candidate_of(site: Site, visitor: Visitor, start: Start, orders: list[Order], body: bytes, now: float) -> Candidate:
    """Return what is to be recorded; ``body`` is the whole message."""
    claims = {order.claim.key: order.claim for order in orders if order.claim is not None}
    jobs = [(order.kind, order.name, order.sha256, order.plan.get("params")) for order in orders]
    row = SessionRow(
        sid=ulid(now),
        service=site.service,
        user_name=visitor.user.name,
        os_account=visitor.user.os_account,
        state="queued",
        request=start.request,
        body=ledger.digest(msgspec.json.encode([jobs, start.on_error])),
        claims=msgspec.json.encode(list(claims.values())).decode(),
        label=start.label,
        client=visitor.address,
        credential=visitor.credential,
        created=now,
    )
    rows = (
        JobRow(sid=row.sid, n=n, kind=order.kind, name=order.name, sha256=order.sha256)
        for n, order in enumerate(orders, 1)
    )
    return Candidate(
        session=row,
        jobs=tuple(rows),
        claims=tuple(claims.values()),
        body=ledger.digest(body),
        caller=visitor.caller(),
    )


def plan_of(site: Site, visitor: Visitor, start: Start, orders: list[Order], row: SessionRow) -> Plan:
    """Return what the shim is given. Raises SettingsError when the account is not there."""
    return Plan(
        session=row.sid,
        user=row.user_name,
        account=oslogin.account_of(row.os_account),
        python=site.python,
        on_error=start.on_error,
        limits=narrowed(site.limits, visitor.user.limits, *(order.limits for order in orders)),
        jobs=[engine.equipped(order.plan, site.engine) for order in orders],
    )
