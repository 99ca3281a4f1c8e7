"""``deploy/sqlexec``: run SQL files in the databases of the job (spec section 6.8)."""

import argparse
import os
import signal
import sys
from typing import Final

from pilothouse.controlserver import calls
from pilothouse.errors import UsageError
from pilothouse.tools import program
from pilothouse.tools.passwords import add_password, password
from pilothouse.tools.server import control_server
from pilothouse.tools.sql.accounts import Accounts
from pilothouse.tools.sql.execution import Manner, run, somebody_listens
from pilothouse.tools.sql.files import given_files
from pilothouse.tools.sql.reports import Reports, list_body
from pilothouse.tools.sql.status import DONE, State
from pilothouse.tools.sql.tasks import Task, tasks

PASSED: Final[frozenset[str]] = DONE | {"running", "waitInput"}


def main() -> int:
    """Run the tool; it ends with 1 when a file fails, and runs no further one then."""
    add = program.parser("Run SQL files in the databases of the job.")
    add.add_argument("--sqlfilejson", default="")
    add.add_argument("--sql", default="")
    add_manner(add)
    add_password(add, plain=False)
    chosen = add.parse_args()
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    manner, phase = manner_of(chosen), phase_name()
    server = control_server()
    files = given_files(chosen.sqlfilejson, chosen.sql, manner.job_id)
    listed = None if server is None else lambda: server.ask(calls.SQL_LIST, list_body(phase))
    work = tasks(files, chosen.dbargs, Accounts(server, password(chosen)), listed)
    if not work:
        program.say("INFO", "the control server knows of no SQL files in this phase")
    reports = Reports(server, phase)
    try:
        return _run(work, phase, manner, reports)
    finally:
        if not manner.dry:
            reports.finish()


def add_manner(add: argparse.ArgumentParser) -> None:
    """Add the options that say how files run."""
    add.add_argument("--encoding", default="")
    add.add_argument("--dbargs", default="")
    program.switch(add, "--dryrun", "only say what would run")
    program.switch(add, "--force", "run files again that succeeded")
    program.switch(add, "--autocommit", "keep every statement at once")


def manner_of(chosen: argparse.Namespace) -> Manner:
    """Return how files run."""
    return Manner(
        autocommit=chosen.autocommit,
        force=chosen.force,
        dry=chosen.dryrun,
        asks=somebody_listens(),
        encoding="" if chosen.encoding.lower() == "auto" else chosen.encoding,
        user=os.environ.get("AUTOEXEC_USER", "anonymous"),
        job_id=os.environ.get("AUTOEXEC_JOBID", ""),
    )


def phase_name() -> str:
    """Return the phase of the job. Raises UsageError outside of one."""
    phase = os.environ.get("AUTOEXEC_PHASE_NAME", "")
    if not phase:
        raise UsageError("AUTOEXEC_PHASE_NAME is not set; the tool has to be run by a job")
    return phase


def _run(work: tuple[Task, ...], phase: str, manner: Manner, reports: Reports) -> int:
    results: list[dict[str, str]] = []
    state: State = "succeed"
    for task in work:
        state = run(task, program.work_path(), phase, manner, reports.tell)
        results.append({"sqlFile": task.file, "node": task.key, "status": state})
        if not manner.dry and state not in PASSED:
            program.say("ERROR", f"{task.file} is {state}; nothing further is run")
            break
    program.save({"sqlResult": results})
    return 0 if manner.dry or state in PASSED else 1
