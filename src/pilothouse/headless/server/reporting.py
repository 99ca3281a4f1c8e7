"""How a session stands, as a message (headless 9.5)."""

import asyncio

from pilothouse.headless.messages import JobStatus, Status
from pilothouse.headless.server.sessions import Sessions
from pilothouse.headless.shim.eventlog import moment
from pilothouse.store import headless_sessions
from pilothouse.store.headless_sessions import SessionRow


async def status(sessions: Sessions, row: SessionRow) -> Status:
    """Return how a session stands now."""
    jobs = await sessions.site.store.read(lambda c: headless_sessions.jobs(c, row.sid))
    live = sessions.live.get(row.sid)
    states = [job.state for job in jobs] if live is None else live.jobs
    return Status(
        session=row.sid,
        state=row.state,  # type: ignore[arg-type]
        created=moment(row.created),
        last_ev=live.last if live is not None else await _last(sessions, row),
        started=_moment(row.started),
        ended=_moment(row.ended),
        user=row.user_name,
        label=row.label,
        jobs=tuple(
            JobStatus(n=job.n, kind=job.kind, name=job.name, state=state, rc=job.rc)  # type: ignore[arg-type]
            for job, state in zip(jobs, states, strict=False)
        ),
    )


async def _last(sessions: Sessions, row: SessionRow) -> int:
    try:
        return await asyncio.to_thread(sessions.spool_of(row).last)
    except FileNotFoundError:
        return 0


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else moment(seconds)
