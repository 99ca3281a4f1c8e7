"""``deploy/dpsqlexec``: run the SQL files of a deployment, set after set, those of a set side by side (section 6.8)."""

import argparse
import multiprocessing
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from pilothouse.controlserver import calls
from pilothouse.errors import UsageError
from pilothouse.tools import program
from pilothouse.tools.passwords import add_password, password
from pilothouse.tools.server import ControlServer, control_server
from pilothouse.tools.sql.accounts import Accounts
from pilothouse.tools.sql.deployment import Sets, add_choice, bring, sets_of
from pilothouse.tools.sql.execution import Manner, run
from pilothouse.tools.sql.reports import Reports, list_body
from pilothouse.tools.sql.sqlexec import PASSED, add_manner, manner_of, phase_name
from pilothouse.tools.sql.status import State
from pilothouse.tools.sql.tasks import Task, tasks


def main() -> int:
    """Run the tool; it ends with 1 when a set fails, and runs no further one then."""
    add = program.parser("Run the SQL files of the deployment in the databases of the job.")
    add.add_argument("--maxparallel", type=int, default=1)
    add_choice(add)
    add_manner(add)
    add_password(add, plain=False)
    chosen = add.parse_args()
    if chosen.maxparallel < 1:
        raise UsageError(f"--maxparallel: {chosen.maxparallel}; allowed: 1 or more")
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    phase, manner, server = phase_name(), manner_of(chosen), control_server()
    results: list[dict[str, str]] = []
    code = 0
    one = partial(_one, phase=phase, manner=manner, server=server)
    for group in _groups(chosen, phase, server):
        states = _side_by_side(one, group, chosen.maxparallel)
        pairs = zip(group, states, strict=True)
        results += [{"sqlFile": task.file, "node": task.key, "status": state} for task, state in pairs]
        wrong = [task.file for task, state in zip(group, states, strict=True) if state not in PASSED]
        if wrong and not manner.dry:
            program.say("ERROR", f"{', '.join(wrong)} did not succeed; nothing further is run")
            code = 1
            break
    program.save({"sqlResult": results})
    return code


def _groups(chosen: argparse.Namespace, phase: str, server: ControlServer | None) -> Iterator[tuple[Task, ...]]:
    """Yield the work set by set: what the control server lists of the deployment, else all of it everywhere."""
    brought = bring(chosen)
    names = tuple(name for group in brought for name in group)
    listed = None if server is None else lambda: server.ask(calls.SQL_LIST, list_body(phase))
    work = tasks(() if server else names, chosen.dbargs, Accounts(server, password(chosen)), listed) if names else ()
    found: Sets = brought
    if server is not None:
        found = sets_of([task.file for task in work], chosen, Path(program.work_path() / "file"))
    for group in found:
        if several := tuple(task for name in group for task in work if task.file == name):
            yield several


def _side_by_side(one: "partial[State]", group: tuple[Task, ...], width: int) -> list[State]:
    if width == 1 or len(group) == 1:
        return [one(task) for task in group]
    # each in a process of its own, because each may wait for its operator
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(min(width, len(group)), mp_context=context) as pool:
        return list(pool.map(one, group))


def _one(task: Task, *, phase: str, manner: Manner, server: ControlServer | None) -> State:
    reports = Reports(server, phase)
    try:
        return run(task, program.work_path(), phase, manner, reports.tell)
    finally:
        if not manner.dry:
            reports.finish()
