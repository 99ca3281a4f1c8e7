"""What lies in a session's folder (headless 12), and what its plan is called inside."""

from typing import Any, Final, TypedDict

PLAN: Final = "plan.json"
EVENTS: Final = "events.jsonl"
RESULT: Final = "result.json"
LOCK: Final = "shim.lock"
CONTROL: Final = "ctl.sock"
WORK: Final = "work"
HELD: Final = "limits.json"  # by what the limits are held, and the session's control group
RESERVE: Final = "reserve"  # room for the last events, given back when the disk is full

_SECRET: Final = frozenset({"params", "files"})

LIVE: Final = ("queued", "starting", "running", "cancelling")
ENDED: Final = ("ok", "failed", "cancelled", "expired", "lost")


class Account(TypedDict):
    """The account that jobs run under; ``uid`` None is that of the server."""

    name: str
    uid: int | None
    gid: int
    groups: list[int]
    home: str


class Limits(TypedDict):
    """What one session may use; sizes in bytes, times in seconds, 0 is none (headless 13.2)."""

    memory: int
    cpu: int
    files: int
    processes: int
    file_size: int
    runtime: float
    output: int
    line: int
    result: int
    grace: float


class Plan(TypedDict):
    """What the shim is given; ``jobs`` go to the worker as they are."""

    session: str
    user: str
    account: Account
    python: str
    on_error: str
    limits: Limits
    jobs: list[dict[str, Any]]


class Held(TypedDict):
    """By what memory and processes are limited: ``cgroup``, ``rlimit`` or ``none``; ``group`` is its folder or ''."""

    group: str
    memory: str
    processes: str


def without_parameters(plan: Plan) -> Plan:
    """Return a plan without the values of parameters, which may be secrets."""
    jobs = [{name: value for name, value in job.items() if name not in _SECRET} for job in plan["jobs"]]
    return {**plan, "jobs": jobs}


class JobEnd(TypedDict):
    """How one job stands or ended; times are seconds since the epoch."""

    state: str
    rc: int | None
    signal: str
    reason: str
    started: float | None
    ended: float | None


class Result(TypedDict):
    """What the shim leaves behind."""

    state: str
    reason: str
    started: float
    ended: float
    jobs: list[JobEnd]
