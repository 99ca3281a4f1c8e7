"""How sessions end whose shim does not say so itself (headless 10.3, 12)."""

import time

from pilothouse.headless.server.live import Live
from pilothouse.headless.shim import cgroup, descendants
from pilothouse.headless.shim.launch import mark_name
from pilothouse.headless.shim.layout import JobEnd, Result

_TRIES = 100
_PAUSE = 0.02  # seconds


def settled(live: Live, now: float) -> Result:
    """Return how a session ended whose shim is gone, and make its folder say so."""
    with live.spool.locked():
        found = live.spool.result()
        if found is not None:
            return found
        # the shim was killed: nothing of it may go on, or come back
        group = _group(live)
        for _ in range(_TRIES):
            left = descendants.marked(f"{mark_name()}={live.sid}") + (cgroup.members(group) if group else [])
            if not left:
                break
            descendants.kill(left)
            time.sleep(_PAUSE)
        if group is not None:
            cgroup.remove(group)
        return _lost(live, "its shim ended without a result", now)


def _group(live: Live) -> cgroup.Group | None:
    held = live.spool.held()
    # the folder is the server's own, so what stands there can be believed
    return cgroup.Group(held["group"]) if held is not None and held["group"] else None


def _lost(live: Live, why: str, now: float) -> Result:
    ends = live.spool.job_states(len(live.jobs))
    result = closed(live, ends, "lost", why, now)
    live.spool.leave(result)
    return result


def end_of(state: str) -> JobEnd:
    """Return how a job stands of which nothing else is known."""
    return JobEnd(state=state, rc=None, signal="", reason="", started=None, ended=None)


def closed(live: Live, ends: list[JobEnd], state: str, why: str, now: float) -> Result:
    """Return the result of a session whose jobs stand as ``ends``: what ran failed, what waited is skipped."""
    for end in ends:
        if end["state"] == "running":
            end["state"], end["reason"] = "failed", why
        elif end["state"] == "waiting":
            end["state"] = "skipped"
    return Result(state=state, reason=why, started=live.started or live.row.created, ended=now, jobs=ends)


def never_ran(live: Live, why: str, now: float) -> Result:
    """Return the result of a session of which no job ran."""
    return closed(live, [end_of("waiting") for _ in live.jobs], "failed", why, now)
