"""What the control server is asked and told about SQL files (spec sections 6.8 and 9).

A report that cannot be delivered fails no SQL: the last one of each file is sent again with the next, and in
the end once more with patience. A later run tells how its files stand, even those that it leaves alone.
"""

import os
import time
from typing import Any, Final

import msgspec

from pilothouse.controlserver import calls
from pilothouse.controlserver.replies import ServerRefusedError, ServerUnavailableError
from pilothouse.tools.program import say
from pilothouse.tools.server import ControlServer
from pilothouse.tools.sql.status import Status
from pilothouse.tools.sql.tasks import Task

_PAUSE: Final = 30.0
_DEPLOYMENT: Final = (("sysId", "SYS_ID"), ("moduleId", "MODULE_ID"), ("envId", "ENV_ID"), ("version", "VERSION"))


class Reports:
    """Tells the control server how SQL files stand; nobody, without one."""

    def __init__(self, server: ControlServer | None, phase: str) -> None:
        self._server = server
        self._phase = phase
        self._unsent: dict[tuple[str, str], dict[str, Any]] = {}
        self._complained = False
        self._next = 0.0

    def tell(self, task: Task, status: Status) -> None:
        """Tell a status, trying but once."""
        if self._server is not None:
            self._unsent[task.key, task.file] = {**call_body(self._phase), "sqlStatus": described(task, status)}
            # a server that hangs must not slow down the SQL of an hour
            if time.monotonic() >= self._next:
                self._send(0.0)

    def finish(self) -> None:
        """Tell what could not be told before."""
        self._complained = False
        self._send(None)

    def _send(self, patience: float | None) -> None:
        for key, body in tuple(self._unsent.items()):
            try:
                if self._server is not None:
                    self._server.ask(calls.SQL_UPDATE, body, patience=patience)
            except ServerUnavailableError as error:
                if not self._complained:
                    say("WARN", f"{error}; {len(self._unsent)} states of SQL files are not reported")
                self._complained = True
                self._next = time.monotonic() + _PAUSE
                return
            except ServerRefusedError as error:
                say("WARN", str(error))
            del self._unsent[key]


def described(task: Task, status: Status) -> dict[str, Any]:
    """Return a status as the control server takes it."""
    plain = msgspec.to_builtins(status)
    if plain["interact"] is None:
        del plain["interact"]
    where = {"sqlFile": task.file, "resourceId": task.resource_id, "host": task.database.host}
    return {**where, "port": task.database.port, **plain}


def list_body(phase: str) -> dict[str, Any]:
    """Return what the list of SQL files is asked with."""
    found = {**call_body(phase), "sqlFiles": None}
    if found["operType"] == "deploy":
        found |= {name: os.environ.get(variable) for name, variable in _DEPLOYMENT}
    return found


def call_body(phase: str) -> dict[str, Any]:
    """Return what every call about SQL files says of job, runner and phase."""
    return {
        "jobId": os.environ.get("AUTOEXEC_JOBID", ""),
        "runnerId": int(os.environ.get("RUNNER_ID") or 1),
        "phaseName": phase,
        "operType": "deploy" if os.environ.get("DEPLOY_PATH") else "auto",
    }
