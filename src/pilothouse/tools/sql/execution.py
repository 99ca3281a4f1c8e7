"""One SQL file in one database: its statements in order, errors put to the operator, the end recorded."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from pilothouse.errors import UsageError
from pilothouse.jobs.secret import mask_assignments
from pilothouse.tools.asking.dialogue import ask
from pilothouse.tools.asking.question import Question
from pilothouse.tools.program import ToolError, say
from pilothouse.tools.sql.charset import decode
from pilothouse.tools.sql.databases import Result, Session, SqlError, connect
from pilothouse.tools.sql.record import Log, Record, md5
from pilothouse.tools.sql.splitting import Statement, statements
from pilothouse.tools.sql.status import State, Status, decide
from pilothouse.tools.sql.tasks import Task

_SHOWN: Final = 200


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How files run; ``asks`` says that there is somebody to ask about errors."""

    autocommit: bool = False
    force: bool = False
    dry: bool = False
    asks: bool = True
    encoding: str = ""
    user: str = "anonymous"
    job_id: str = ""


def run(task: Task, root: Path, phase: str, manner: Manner, tell: Callable[[Task, Status], object]) -> State:
    """Run a file unless it has to be left alone; returns how it stands then.

    ``tell`` hears of every change of its status. Raises UsageError, OSError.
    """
    record = Record(root, phase, task.key, task.file, lambda status: tell(task, status))
    with record.held() as busy:
        content = record.take()
        decision = decide(record.status, md5(content), force=manner.force, busy=busy)
        if manner.dry or not decision.run:
            word = "would run" if decision.run else "is left alone"
            say("INFO", f"{record.name} {word} in {task.database.address}: {decision.reason}")
            if not manner.dry and not busy:
                record.tell_again()
            return record.status.status if record.status else "pending"
        before = record.status or Status()
        record.status = Status(
            status="running",
            is_modified=int(decision.modified),
            md5=md5(content),
            start_time=time.time(),
        )
        record.change()
        with record.logged(manner.user) as log:
            return _Run(task, record, manner, log).run(content, before)


class _Run:
    """One run of a file."""

    def __init__(self, task: Task, record: Record, manner: Manner, log: Log) -> None:
        self._task = task
        self._record = record
        self._manner = manner
        self._log = log
        self._warnings = 0
        self._errors = 0

    def run(self, content: bytes, before: Status) -> State:
        self._begin(before)
        state: State = "aborted"
        try:
            text, charset = decode(content, self._manner.encoding)
            self._log.write(f"charset: {charset}")
            state = self._work(text)
        except (ToolError, UsageError) as error:
            self._error(str(error))
            state = "failed"
        finally:
            self._end(state)
        return state

    def _work(self, text: str) -> State:
        session = connect(self._task.database, autocommit=self._manner.autocommit)
        try:
            stopped = not self._statements(session, text)
            if stopped or (self._errors and not self._manner.autocommit and not self._kept()):
                session.rollback()
                return "failed"
            session.commit()
        except BaseException:
            _try_rollback(session)
            raise
        finally:
            session.close()
        return "ignored" if self._errors else "succeed"

    def _statements(self, session: Session, text: str) -> bool:
        """Run all statements; returns whether the end was reached."""
        for statement in statements(text, self._task.database.kind):
            shown = mask_assignments(" ".join(statement.text.split()))
            self._log.write(f"> {shown[:_SHOWN]}{'...' if len(shown) > _SHOWN else ''}")
            try:
                self._show(session.run(statement.text))
            except SqlError as error:
                self._error(self._place(statement, error))
                if self._manner.autocommit and self._decision("ignore", "abort") != "ignore":
                    return False
        return True

    def _place(self, statement: Statement, error: SqlError) -> str:
        return f"{self._record.name}, line {statement.line}: {error}"

    def _kept(self) -> bool:
        return self._decision("commit", "rollback") == "commit"

    def _decision(self, good: str, bad: str) -> str:
        """Return what the operator says about the errors; the careful answer when there is nobody to say."""
        if not self._manner.asks:
            self._log.write(f"WARN: there is nobody to ask; {bad}")
            return bad
        question = Question(
            title=self._record.name,
            message=f"{self._record.name} in {self._task.database.address} has {self._errors} errors",
            options=(good, bad),
        )
        pipe = self._record.log.with_name(f"{self._record.log.name}.run.pipe")
        self._record.change(status="waitInput", interact=question.described(str(pipe)))
        answer = ask(question, pipe=pipe)
        self._record.change(status="running", interact=None)
        chosen = str(answer.value) if answer else bad
        self._log.write(f"WARN: {answer.user if answer and answer.user else 'the operator'} decided: {chosen}")
        return chosen

    def _show(self, result: Result) -> None:
        for notice in result.notices:
            self._warnings += 1
            self._log.write(f"WARN: {notice}")
        if result.columns:
            self._log.write("\t".join(result.columns))
            for row in result.rows:
                self._log.write("\t".join("NULL" if value is None else str(value) for value in row))
            self._log.write(f"({len(result.rows)} rows shown)")
        elif result.changed >= 0:
            self._log.write(f"({result.changed} rows)")

    def _error(self, text: str) -> None:
        self._errors += 1
        self._warnings += 1
        self._log.write(f"ERROR: {text}")
        say("ERROR", text)

    def _begin(self, before: Status) -> None:
        status = self._record.status or Status()
        for line in (
            "=" * 60,
            f"job: {self._manner.job_id}",
            f"database: {self._task.database.address}",
            f"file: {self._record.name}",
            f"status before: {before.status}",
            f"md5: {status.md5}",
            f"start: {_moment(status.start_time)}",
            "=" * 60,
        ):
            self._log.write(line)
        say("INFO", f"{self._record.name} runs in {self._task.database.address}")

    def _end(self, state: State) -> None:
        self._record.change(status=state, warn_count=self._warnings, interact=None, end_time=time.time())
        status = self._record.status or Status()
        took = (status.end_time or 0) - (status.start_time or 0)
        self._log.write("=" * 60)
        self._log.write(f"end: {_moment(status.end_time)}, status: {state}, elapsed: {took:.2f} seconds")
        level = {"succeed": "FINE", "ignored": "WARN"}.get(state, "ERROR")
        say(level, f"{self._record.name} in {self._task.database.address}: {state}")


def _try_rollback(session: Session) -> None:
    try:
        session.rollback()
    except SqlError as error:
        say("WARN", f"what was done could not be undone: {error}")


def _moment(seconds: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def somebody_listens() -> bool:
    """Say whether questions reach anybody: an engine's socket is there."""
    return bool(os.environ.get("AUTOEXEC_JOB_SOCK"))
