"""Stopping an engine from outside: by its job's socket, else by a signal to the pid in its job's lock file.

Both wait no longer than needed.
"""

import os
import signal
import time
from enum import Enum, auto
from typing import Final

from pilothouse.engine.jobsocket import send
from pilothouse.engine.workspace import Workspace, engine_pid

_STEP: Final = 0.05
_PATIENCE: Final = 15.0
_REPLY: Final = 2.0


class Stopped(Enum):
    """What came of it."""

    GONE = auto()
    STILL_THERE = auto()
    NOT_RUNNING = auto()


def abort_job(space: Workspace) -> Stopped:
    """End the job's engine and everything it runs; after 15 s by KILL. Returns as soon as it is gone."""
    for number, patience in ((signal.SIGTERM, _PATIENCE), (signal.SIGKILL, _STEP * 40)):
        pid = engine_pid(space)
        if pid is None:
            return Stopped.NOT_RUNNING if number is signal.SIGTERM else Stopped.GONE
        asked = number is signal.SIGTERM and _ask(space, pid, "abort")
        if (asked or _send(pid, number)) and _gone(space, patience):
            return Stopped.GONE
    return Stopped.STILL_THERE


def pause_job(space: Workspace) -> Stopped:
    """Ask the job's engine to stop softly and wait until it has: operations under way take the time they take."""
    pid = engine_pid(space)
    if pid is None:
        return Stopped.NOT_RUNNING
    if not _ask(space, pid, "pause") and not _send(pid, signal.SIGUSR1):
        return Stopped.STILL_THERE
    while engine_pid(space) == pid:
        time.sleep(_STEP)
    return Stopped.GONE


def _ask(space: Workspace, pid: int, action: str) -> bool:
    """Ask through the job's socket; says whether the engine has taken note of it."""
    reply = send(space, pid, {"action": action}, _REPLY)
    return reply is not None and reply.get("status") == "ok"


def _send(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return True


def _gone(space: Workspace, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if engine_pid(space) is None:
            return True
        time.sleep(_STEP)
    return False
