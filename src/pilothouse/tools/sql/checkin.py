"""``deploy/sqlimport`` and ``deploy/dpsqlimport``: tell the control server which SQL files a phase is to run.

The call is documented by the console (autoexec-console.md 1.15); the members of a file are those of its list.
"""

import argparse
import os
from collections.abc import Sequence
from typing import Any

from pilothouse.controlserver import calls
from pilothouse.errors import UsageError
from pilothouse.tools import program
from pilothouse.tools.server import required
from pilothouse.tools.sql.deployment import add_choice, bring
from pilothouse.tools.sql.files import given_files
from pilothouse.tools.sql.ordering import in_order
from pilothouse.tools.sql.record import md5
from pilothouse.tools.sql.reports import call_body
from pilothouse.tools.sql.tasks import Item, database_items


def main_given() -> int:
    """Check in the files of the options."""
    add = _parser("Tell the control server which SQL files a phase is to run.")
    add.add_argument("--sqlfilejson", default="")
    add.add_argument("--sql", default="")
    chosen = add.parse_args()
    files = given_files(chosen.sqlfilejson, chosen.sql, os.environ.get("AUTOEXEC_JOBID", ""))
    return _check_in("deploy/sqlimport", chosen.targetphase, in_order(files))


def main_deployed() -> int:
    """Check in the files of the deployment."""
    add = _parser("Tell the control server which SQL files of the deployment a phase is to run.")
    add_choice(add)
    chosen = add.parse_args()
    return _check_in("deploy/dpsqlimport", chosen.targetphase, [name for group in bring(chosen) for name in group])


def _parser(text: str) -> argparse.ArgumentParser:
    add = program.parser(text)
    add.add_argument("--targetphase", required=True)
    return add


def _check_in(tool: str, phase: str, files: Sequence[str]) -> int:
    items = [item for file in files for item in database_items((file,))]
    if files and not items:
        raise UsageError("there is no database: no node of the job has the nodeType PostgreSQL, MySQL or SQLite")
    rows = [_row(item) for item in items]
    body = {**call_body(os.environ.get("AUTOEXEC_PHASE_NAME", "")), "targetPhaseName": phase, "sqlInfoList": rows}
    required(tool).ask(calls.SQL_CHECKIN, body)
    program.say("INFO", f"{len(rows)} SQL files checked in for phase {phase}")
    program.save({"sqlFiles": [{"sqlFile": row["sqlFile"], "resourceId": row["resourceId"]} for row in rows]})
    return 0


def _row(item: Item) -> dict[str, Any]:
    path = program.work_path() / "file" / item.sql_file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    return {
        "resourceId": item.resource_id,
        "nodeName": item.node_name,
        "nodeType": item.node_type,
        "host": item.host,
        "port": item.port,
        "serviceAddr": item.access_endpoint,
        "username": item.username,
        "sqlFile": item.sql_file,
        "status": "pending",
        "md5": md5(content),
    }
