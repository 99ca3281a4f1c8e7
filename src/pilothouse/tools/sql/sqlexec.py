"""``deploy/sqlexec``: run SQL files in the databases of the job (spec section 6.8)."""

import os
import signal
import sys

from pilothouse.errors import UsageError
from pilothouse.files import write_atomic
from pilothouse.tools import program
from pilothouse.tools.sql.execution import Manner, run, somebody_listens
from pilothouse.tools.sql.status import DONE, State
from pilothouse.tools.sql.tasks import tasks

_FILE = "file/"


def main() -> int:
    """Run the tool; it ends with 1 when a file fails, and runs no further one then."""
    add = program.parser("Run SQL files in the databases of the job.")
    add.add_argument("--sqlfilejson", default="")
    add.add_argument("--sql", default="")
    add.add_argument("--encoding", default="")
    add.add_argument("--dbargs", default="")
    program.switch(add, "--dryrun", "only say what would run")
    program.switch(add, "--force", "run files again that succeeded")
    program.switch(add, "--autocommit", "keep every statement at once")
    chosen = add.parse_args()
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    manner = Manner(
        autocommit=chosen.autocommit,
        force=chosen.force,
        dry=chosen.dryrun,
        asks=somebody_listens(),
        encoding="" if chosen.encoding.lower() == "auto" else chosen.encoding,
        user=os.environ.get("AUTOEXEC_USER", "anonymous"),
        job_id=os.environ.get("AUTOEXEC_JOBID", ""),
    )
    return _run(_files(chosen.sqlfilejson, chosen.sql, manner.job_id), chosen.dbargs, manner)


def _run(files: tuple[str, ...], arguments: str, manner: Manner) -> int:
    phase = os.environ.get("AUTOEXEC_PHASE_NAME", "")
    if not phase:
        raise UsageError("AUTOEXEC_PHASE_NAME is not set; the tool has to be run by a job")
    results: list[dict[str, str]] = []
    state: State = "succeed"
    for task in tasks(files, arguments):
        state = run(task, program.work_path(), phase, manner)
        results.append({"sqlFile": task.file, "node": task.key, "status": state})
        if not manner.dry and state not in DONE | {"running", "waitInput"}:
            program.say("ERROR", f"{task.file} is {state}; nothing further is run")
            break
    program.save({"sqlResult": results})
    return 0 if manner.dry or state in DONE | {"running", "waitInput"} else 1


def _files(listed: str, text: str, job_id: str) -> tuple[str, ...]:
    """Return the files of the options, relative to ``file/``; an inline text becomes one."""
    found = [name.removeprefix(_FILE) for item in listed.split(",") if (name := item.strip())]
    if text:
        name = f"sqltext.{job_id}.sql"
        content = text if "\n" in text else text.replace("\\n", "\n")
        path = program.work_path() / "file" / name
        encoded = f"{content}\n".encode("utf-8", "surrogateescape")
        # the same text stays the same file, so that its status counts
        if not path.is_file() or path.read_bytes() != encoded:
            write_atomic(path, encoded, mode=0o600)
        found.append(name)
    return tuple(found)
