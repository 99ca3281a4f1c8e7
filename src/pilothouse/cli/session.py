"""``pilothouse session``: the sessions of headless batches, looked at where the server's database and spool are."""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import Connection

from pilothouse.cli import database, listing
from pilothouse.errors import ExitCode, RefusedError, UsageError

if TYPE_CHECKING:
    from pilothouse.headless.server.spool import Spool
    from pilothouse.store.headless_sessions import JobRow, SessionRow

_EXAMPLES: Final = """\
examples:
  pilothouse session list --state running
  pilothouse session show 01JDX2V9T3M4Q8R5S6W7Y8Z9AB
  pilothouse session log 01JDX2V9T3M4Q8R5S6W7Y8Z9AB          what its jobs said, until now
  pilothouse session attach 01JDX2V9T3M4Q8R5S6W7Y8Z9AB       the same, until its end
  pilothouse session cancel 01JDX2V9T3M4Q8R5S6W7Y8Z9AB --force --reason 'wrong month'

exit codes of attach: 0 it ended ok, 4 it failed, expired or was lost, 5 it was cancelled
"""
_PACE: Final = 0.2
_STATES: Final = ("queued", "starting", "running", "cancelling", "ok", "failed", "cancelled", "expired", "lost")
_CODES: Final = {"ok": ExitCode.SUCCESS, "cancelled": ExitCode.ABORTED}


def make_parser() -> argparse.ArgumentParser:
    """Return the parser."""
    parser = argparse.ArgumentParser(
        prog="pilothouse session",
        description="Look at and cancel sessions of headless batches. Leaving attach ends nothing.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    listed = commands.add_parser("list", help="sessions, the newest first")
    listed.add_argument("--user", metavar="USER", help="only of this user")
    listed.add_argument("--state", choices=_STATES, metavar="STATE", help=f"only in this one: {', '.join(_STATES)}")
    listed.add_argument("--limit", type=int, default=50, metavar="N", help="how many (default 50)")
    listed.set_defaults(work=_list)
    for name, work, text in (
        ("show", _show, "one session with its jobs"),
        ("log", _log, "its events until now"),
        ("attach", _attach, "its events until its end"),
        ("cancel", _cancel, "end it"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("session", metavar="SESSION")
        command.set_defaults(work=work)
    commands.choices["attach"].add_argument("--from", dest="start", type=int, default=1, metavar="N", help="event")
    cancel = commands.choices["cancel"]
    cancel.add_argument("--force", action="store_true", help="kill at once; else its jobs may clean up first")
    cancel.add_argument("--reason", default="", metavar="TEXT", help="for its log and the audit log")
    database.add_to_all(commands.choices.values())
    return parser


def main(words: Sequence[str]) -> int:
    """Run ``pilothouse session ...``."""
    chosen = make_parser().parse_args(words)
    return int(chosen.work(chosen))


def _list(chosen: argparse.Namespace) -> int:
    from pilothouse.store import headless_sessions

    found = database.read(
        chosen,
        lambda c: headless_sessions.latest(c, user=chosen.user, state=chosen.state, count=max(1, chosen.limit)),
    )
    rows = [
        (row.sid, row.user_name, row.state, listing.moment(row.created), _lasted(row), row.label, row.reason)
        for row in found
    ]
    headings = ("session", "user", "state", "created", "took", "label", "reason")
    return listing.show(chosen, headings, rows, [msgspec.to_builtins(row) for row in found])


def _show(chosen: argparse.Namespace) -> int:
    row, jobs = _found(chosen)
    if row.ended is None:
        jobs = _as_they_stand(_folder(chosen, row), jobs)
    value = {**msgspec.to_builtins(row), "jobs": [msgspec.to_builtins(job) for job in jobs]}
    if chosen.json:
        return listing.said(chosen, "", value)
    for label, fact in (*_facts(row), ("limits", _limits(_folder(chosen, row)))):
        if fact:
            print(f"{label:12}{_clean(fact)}")
    print()
    cells = [
        (str(job.n), job.kind, job.name, job.state, _took(job.started, job.ended), _end(job), _clean(job.reason))
        for job in jobs
    ]
    return listing.show(chosen, ("job", "kind", "name", "state", "took", "end", "reason"), cells, [])


def _facts(row: "SessionRow") -> Iterator[tuple[str, str]]:
    yield "session", row.sid
    yield "state", row.state + (f": {row.reason}" if row.reason else "")
    yield "user", f"{row.user_name}, runs as {row.os_account}"
    yield "created", listing.moment(row.created)
    yield "started", listing.moment(row.started)
    yield "ended", listing.moment(row.ended)
    yield "took", _lasted(row)
    yield "label", row.label
    yield "client", row.client
    yield "credential", row.credential
    yield "request", row.request


def _as_they_stand(spool: "Spool", jobs: "list[JobRow]") -> "list[JobRow]":
    """Return the jobs of a session that lives by its events: the database hears of them at its end."""
    if not spool.exists:
        return jobs
    stands = spool.job_states(len(jobs))
    return [
        msgspec.structs.replace(job, state=now["state"], rc=now["rc"], signal=now["signal"], reason=now["reason"])
        for job, now in zip(jobs, stands, strict=True)
    ]


def _limits(spool: "Spool") -> str:
    held = spool.held()
    if held is None:
        return ""
    words = {"cgroup": "by control group", "rlimit": "by process", "none": "not held"}
    counted = words[held["processes"]] if held["processes"] != "rlimit" else "by account"
    return f"memory {words[held['memory']]}, processes {counted}"


def _lasted(row: "SessionRow") -> str:
    return _took(row.started, row.ended)


def _took(started: float | None, ended: float | None) -> str:
    from pilothouse.cli.display.palette import took

    return "" if started is None or ended is None else took(max(0.0, ended - started))


def _log(chosen: argparse.Namespace) -> int:
    row, _ = _found(chosen)
    for line in _lines(_spool(chosen, row), 1):
        _print(chosen, line)
    return ExitCode.SUCCESS


def _attach(chosen: argparse.Namespace) -> int:
    row, _ = _found(chosen)
    spool, start = _spool(chosen, row), chosen.start
    while True:
        for line in _lines(spool, start):
            event = json.loads(line)
            _print(chosen, line)
            start = event["ev"] + 1
            if event["#name"] == "session-end":
                return _CODES.get(event["state"], ExitCode.FAILED)
        time.sleep(_PACE)


def _cancel(chosen: argparse.Namespace) -> int:
    row, jobs = _found(chosen)
    if row.ended is not None:
        raise UsageError(f"session {row.sid} has ended: {row.state}")
    who = database.caller()
    why = f"cancelled by {who.name}" + (f": {chosen.reason}" if chosen.reason else "")
    spool, mode = _spool(chosen, row), "force" if chosen.force else "graceful"
    if row.state == "queued":
        _end_queued(chosen, row, jobs, spool, why)
    else:
        from pilothouse.store import audit

        detail = {"mode": mode, "why": why}
        database.write(
            chosen,
            lambda c: audit.append(c, who, "headless cancel", f"session {row.sid}", detail, time.time()),
        )
        order = {"cancel": mode, "end": "cancelled", "why": why}
        _order(row.sid, spool, order)
    return listing.said(chosen, f"session {row.sid} is being cancelled", {"session": row.sid, "mode": mode})


def _order(sid: str, spool: "Spool", order: dict[str, str]) -> None:
    try:
        with spool.control() as control:
            control.setblocking(True)
            control.sendall(json.dumps(order).encode() + b"\n")
    except OSError as error:
        raise RefusedError(
            f"session {sid} cannot be told: {error.strerror}; it is just coming up or ending, so try again"
        ) from None


def _end_queued(chosen: argparse.Namespace, row: "SessionRow", jobs: "list[JobRow]", spool: "Spool", why: str) -> None:
    from pilothouse.headless.server import ledger
    from pilothouse.headless.shim.layout import JobEnd, Result

    now = time.time()
    ends = [JobEnd(state="skipped", rc=None, signal="", reason="", started=None, ended=None) for _ in jobs]
    result = Result(state="cancelled", reason=why, started=row.created, ended=now, jobs=ends)

    def work(connection: Connection) -> bool:
        return ledger.finish(connection, row, result, database.caller(), now)

    if database.write(chosen, work):
        spool.close(row.sid, result)


def _found(chosen: argparse.Namespace) -> "tuple[SessionRow, list[JobRow]]":
    from pilothouse.store import headless_sessions

    def work(connection: Connection) -> "tuple[SessionRow | None, list[JobRow]]":
        sid = chosen.session.upper()
        return headless_sessions.find(connection, sid), headless_sessions.jobs(connection, sid)

    row, jobs = database.read(chosen, work)
    if row is None:
        raise UsageError(f"there is no session {chosen.session}; see: pilothouse session list")
    return row, jobs


def _spool(chosen: argparse.Namespace, row: "SessionRow") -> "Spool":
    found = _folder(chosen, row)
    if not found.exists:
        raise UsageError(f"the events of session {row.sid} are no longer kept here: {found.folder}")
    return found


def _folder(chosen: argparse.Namespace, row: "SessionRow") -> "Spool":
    from pilothouse.headless.server.spool import Spool

    return Spool(Path(database.settings_of(chosen).data) / "headless" / "spool" / row.sid)


def _lines(spool: "Spool", start: int) -> Iterator[bytes]:
    from pilothouse.headless.server.spool import Cursor

    cursor = Cursor(spool.folder, start)
    while found := cursor.read():
        yield from (line for _, line in found)


def _print(chosen: argparse.Namespace, line: bytes) -> None:
    if chosen.json:
        print(line.decode("utf-8"), flush=True)
        return
    from pilothouse.cli.display.paper import marks_of, put
    from pilothouse.cli.session_events import line_of

    put([line_of(json.loads(line), marks_of(sys.stdout))], sys.stdout)


def _end(job: "JobRow") -> str:
    return job.signal or ("" if job.rc is None else f"exit {job.rc}")


def _clean(text: str) -> Any:
    from pilothouse.cli.display.palette import clean

    return clean(text)
