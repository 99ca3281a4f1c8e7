"""The journal of one job: SQLite in WAL mode, written in groups, durable before anyone is told.

Every write returns a future that is done when the write has reached the disk. Writes are carried out in the
order of the calls, so awaiting the last of several covers them all. All SQL of the engine stands here.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from pilothouse.errors import JournalError
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.states import State

T = TypeVar("T")

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS run (
  number INTEGER PRIMARY KEY, started REAL NOT NULL, ended REAL, pid INTEGER NOT NULL,
  user TEXT NOT NULL, digest TEXT NOT NULL, plan BLOB NOT NULL, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS phase (
  phase TEXT PRIMARY KEY, state TEXT NOT NULL, run INTEGER NOT NULL, started REAL, ended REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS node (
  phase TEXT NOT NULL, resource_id INTEGER NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL,
  run INTEGER NOT NULL, started REAL NOT NULL, ended REAL, warnings INTEGER NOT NULL DEFAULT 0,
  reason TEXT NOT NULL DEFAULT '', PRIMARY KEY (phase, resource_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS operation (
  phase TEXT NOT NULL, resource_id INTEGER NOT NULL, operation TEXT NOT NULL, state TEXT NOT NULL,
  token TEXT NOT NULL, started REAL NOT NULL, ended REAL, code INTEGER, reason TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (phase, resource_id, operation)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS output (
  resource_id INTEGER NOT NULL, operation TEXT NOT NULL, data TEXT NOT NULL,
  PRIMARY KEY (resource_id, operation)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS question (
  phase TEXT NOT NULL, resource_id INTEGER NOT NULL, asked REAL NOT NULL, interact TEXT NOT NULL,
  PRIMARY KEY (phase, resource_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS published (
  phase TEXT NOT NULL, resource_id INTEGER NOT NULL, PRIMARY KEY (phase, resource_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lock (id TEXT PRIMARY KEY, request TEXT NOT NULL) WITHOUT ROWID;
"""
_VERSION: Final = 2

_BEGIN_RUN: Final = "INSERT INTO run VALUES (?, ?, NULL, ?, ?, ?, ?, 'running')"
_END_RUN: Final = "UPDATE run SET ended = ?, state = ? WHERE number = ?"
_SET_PHASE: Final = "INSERT OR REPLACE INTO phase VALUES (?, ?, ?, ?, ?)"
_START_NODE: Final = "INSERT OR REPLACE INTO node VALUES (?, ?, ?, 'running', ?, ?, NULL, 0, '')"
_END_NODE: Final = "UPDATE node SET state = ?, ended = ?, warnings = ?, reason = ? WHERE phase = ? AND resource_id = ?"
_START_OPERATION: Final = "INSERT OR REPLACE INTO operation VALUES (?, ?, ?, 'running', ?, ?, NULL, NULL, '')"
_END_OPERATION: Final = (
    "UPDATE operation SET state = ?, ended = ?, code = ?, reason = ?"
    " WHERE phase = ? AND resource_id = ? AND operation = ?"
)
_SET_NODE: Final = "UPDATE node SET state = ? WHERE phase = ? AND resource_id = ?"
_ASK: Final = "INSERT OR REPLACE INTO question VALUES (?, ?, ?, ?)"
_UNASK: Final = "DELETE FROM question WHERE phase = ? AND resource_id = ?"
_UNASK_ALL: Final = "DELETE FROM question"
_PUBLISH: Final = "INSERT OR IGNORE INTO published VALUES (?, ?)"
_RESET: Final = (
    "DELETE FROM operation WHERE phase = ? AND resource_id = ?",
    "DELETE FROM node WHERE phase = ? AND resource_id = ?",
    "DELETE FROM published WHERE phase = ? AND resource_id = ?",
)
_HOLD: Final = "INSERT OR REPLACE INTO lock VALUES (?, ?)"
_DROP: Final = "DELETE FROM lock WHERE id = ?"
_STORE_OUTPUT: Final = "INSERT OR REPLACE INTO output VALUES (?, ?, ?)"
_DROP_OUTPUT: Final = "DELETE FROM output WHERE resource_id = ? AND operation = ?"
_FORGET: Final = ("DELETE FROM operation", "DELETE FROM node", "DELETE FROM phase", "DELETE FROM published")

_NODES: Final = "SELECT phase, resource_id, state FROM node"
NODE_ROWS: Final = (
    "SELECT phase, resource_id, key, state, started, ended, warnings, reason FROM node ORDER BY phase, resource_id"
)
_OPERATIONS: Final = "SELECT phase, resource_id, operation, state, token, code FROM operation"
OPERATION_ROWS: Final = (
    "SELECT phase, resource_id, operation, state, started, ended, code, reason FROM operation"
    " ORDER BY phase, resource_id, started"
)
_QUESTIONS: Final = (
    "SELECT phase, resource_id, key, asked, interact FROM question JOIN node USING (phase, resource_id) ORDER BY asked"
)
_PUBLISHED: Final = "SELECT phase, resource_id FROM published"
_LOCKS: Final = "SELECT request FROM lock ORDER BY id"
_WARNED: Final = "SELECT phase, resource_id, warnings FROM node WHERE warnings > 0"
_OUTPUTS: Final = "SELECT operation, data FROM output WHERE resource_id = ?"
_OUTPUT_NODES: Final = "SELECT DISTINCT resource_id FROM output"
RUNS: Final = "SELECT number, started, ended, pid, user, digest, state FROM run ORDER BY number"
PHASES: Final = "SELECT phase, state, run, started, ended FROM phase ORDER BY started"


class OperationMark(msgspec.Struct, frozen=True):
    """What is known of an operation: its state, the token of its last attempt, and that attempt's exit code."""

    state: State
    token: str
    code: int | None = None

    @property
    def open(self) -> bool:
        """Whether the attempt's outcome was never learnt: the engine or the connection died before it ended."""
        return self.code is None and self.state is not State.SUCCEEDED


class RunRow(msgspec.Struct, frozen=True):
    """One run of the job."""

    number: int
    started: float
    ended: float | None
    pid: int
    user: str
    digest: str
    state: str


class PhaseRow(msgspec.Struct, frozen=True):
    """A phase's last known state."""

    phase: str
    state: str
    run: int
    started: float | None
    ended: float | None


class NodeRow(msgspec.Struct, frozen=True):
    """A node's last known state in a phase."""

    phase: str
    resource_id: int
    key: str
    state: str
    started: float
    ended: float | None
    warnings: int
    reason: str


class OperationRow(msgspec.Struct, frozen=True):
    """An operation's last known state on a node in a phase."""

    phase: str
    resource_id: int
    operation: str
    state: str
    started: float
    ended: float | None
    code: int | None
    reason: str


class QuestionRow(msgspec.Struct, frozen=True):
    """A question that waits for its answer; ``interact`` is the JSON that the operation sent."""

    phase: str
    resource_id: int
    key: str
    asked: float
    interact: str


class Journal:
    """What happened in a job, for certain."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._connection: sqlite3.Connection | None = None
        self._pending: list[tuple[str, tuple[Any, ...]]] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._committer: asyncio.Task[None] | None = None
        self._failure: JournalError | None = None
        self._closed = False
        self._facts: dict[str, str] = {}
        self.run = 0
        self.nodes: dict[tuple[str, int], State] = {}
        self.warned: dict[tuple[str, int], int] = {}
        self.operations: dict[tuple[str, int, str], OperationMark] = {}
        self.published: set[tuple[str, int]] = set()

    async def open(self) -> None:
        """Open or create the journal and read where the job stands; raises JournalError."""
        try:
            await self._call(self._open)
        except JournalError:
            await self.close()
            raise

    async def close(self) -> None:
        """Write what is pending and let go of the file; harmless when it is closed already."""
        if self._closed:
            return
        self._closed = True
        if self._committer is not None:
            await asyncio.wait([self._committer])
        await self._call(self._close)
        self._thread.shutdown()

    def begin_run(self, started: float, pid: int, user: str, digest: str, plan: bytes) -> asyncio.Future[None]:
        """Record that a run starts; its number is ``run``."""
        self.run += 1
        return self._write((_BEGIN_RUN, (self.run, started, pid, user, digest, plan)))

    def end_run(self, ended: float, state: State) -> asyncio.Future[None]:
        """Record how the run ended."""
        return self._write((_END_RUN, (ended, state.value, self.run)))

    def set_phase(self, phase: str, state: State, started: float, ended: float | None = None) -> asyncio.Future[None]:
        """Record a phase's state."""
        return self._write((_SET_PHASE, (phase, state.value, self.run, started, ended)))

    def start_node(self, phase: str, node: Node, started: float) -> asyncio.Future[None]:
        """Record that a node is taken up in a phase."""
        self.nodes[phase, node.resource_id] = State.RUNNING
        return self._write((_START_NODE, (phase, node.resource_id, node.key, self.run, started)))

    def end_node(
        self, phase: str, node: Node, state: State, ended: float, warnings: int, reason: str
    ) -> asyncio.Future[None]:
        """Record how a node ended in a phase."""
        self.nodes[phase, node.resource_id] = state
        return self._write((_END_NODE, (state.value, ended, warnings, reason, phase, node.resource_id)))

    def start_operation(
        self, phase: str, node: Node, operation: str, token: str, started: float
    ) -> asyncio.Future[None]:
        """Record that an operation is about to start under ``token``."""
        self.operations[phase, node.resource_id, operation] = OperationMark(State.RUNNING, token)
        return self._write((_START_OPERATION, (phase, node.resource_id, operation, token, started)))

    def end_operation(
        self,
        phase: str,
        node: Node,
        operation: str,
        state: State,
        ended: float,
        code: int | None,
        reason: str,
        outputs: dict[int, dict[str, Any] | None],
    ) -> asyncio.Future[None]:
        """Record how an operation ended, with its outputs by the resourceId they are kept for (None drops them)."""
        mark = self.operations[phase, node.resource_id, operation]
        self.operations[phase, node.resource_id, operation] = OperationMark(state, mark.token, code)
        rows: list[tuple[str, tuple[Any, ...]]] = [
            (_END_OPERATION, (state.value, ended, code, reason, phase, node.resource_id, operation))
        ]
        rows += [_output_row(resource_id, operation, data) for resource_id, data in outputs.items()]
        return self._write(*rows)

    def set_outputs(self, resource_id: int, changed: Mapping[str, dict[str, Any] | None]) -> asyncio.Future[None]:
        """Record what is kept for a node besides the ends of its operations, by name; None drops it."""
        return self._write(*(_output_row(resource_id, name, data) for name, data in changed.items()))

    def ask(self, phase: str, node: Node, asked: float, interact: str) -> asyncio.Future[None]:
        """Record that a node waits for the answer to a question."""
        self.nodes[phase, node.resource_id] = State.WAITING
        return self._write(
            (_SET_NODE, (State.WAITING.value, phase, node.resource_id)),
            (_ASK, (phase, node.resource_id, asked, interact)),
        )

    def unask(self, phase: str, node: Node) -> asyncio.Future[None]:
        """Record that a node waits no longer and runs on."""
        self.nodes[phase, node.resource_id] = State.RUNNING
        return self._write(
            (_SET_NODE, (State.RUNNING.value, phase, node.resource_id)), (_UNASK, (phase, node.resource_id))
        )

    def unask_all(self) -> asyncio.Future[None]:
        """Forget the questions of an engine that is gone."""
        return self._write((_UNASK_ALL, ()))

    def publish(self, places: Iterable[tuple[str, int]]) -> asyncio.Future[None]:
        """Record that the status files of these nodes, by phase and resourceId, have been written."""
        rows = list(places)
        self.published.update(rows)
        return self._write(*((_PUBLISH, row) for row in rows))

    def reset(self, phase: str, resource_id: int) -> asyncio.Future[None]:
        """Forget a node's states in a phase, so that it runs from its first operation on; outputs stay."""
        self.nodes.pop((phase, resource_id), None)
        self.published.discard((phase, resource_id))
        for place in [place for place in self.operations if place[:2] == (phase, resource_id)]:
            del self.operations[place]
        return self._write(*((statement, (phase, resource_id)) for statement in _RESET))

    def hold_lock(self, lock_id: str, request: dict[str, Any]) -> asyncio.Future[None]:
        """Record that the job holds or waits for a global lock, as ``request`` to let go of it says."""
        return self._write((_HOLD, (lock_id, msgspec.json.encode(request).decode())))

    def drop_lock(self, lock_id: str) -> asyncio.Future[None]:
        """Record that the job has let go of a global lock."""
        return self._write((_DROP, (lock_id,)))

    async def held_locks(self) -> list[dict[str, Any]]:
        """Return the requests of locks that an engine took and never let go of."""
        return await self._call(lambda: [msgspec.json.decode(row[0]) for row in self._rows(_LOCKS)])

    def forget(self) -> asyncio.Future[None]:
        """Forget every state, so that the next run does everything again; outputs stay."""
        self.nodes.clear()
        self.operations.clear()
        self.published.clear()
        return self._write(*((statement, ()) for statement in _FORGET))

    async def outputs(self, resource_id: int) -> dict[str, Any]:
        """Return a node's outputs by operation id."""
        return await self._call(
            lambda: {name: msgspec.json.decode(data) for name, data in self._rows(_OUTPUTS, resource_id)}
        )

    async def output_nodes(self) -> list[int]:
        """Return the resourceIds for which outputs are kept."""
        return await self._call(lambda: [row[0] for row in self._rows(_OUTPUT_NODES)])

    async def runs(self) -> list[RunRow]:
        """Return all runs, oldest first."""
        return await self._call(lambda: [RunRow(*row) for row in self._rows(RUNS)])

    async def phase_rows(self) -> list[PhaseRow]:
        """Return the state of every phase that was started, in order of start."""
        return await self._call(lambda: [PhaseRow(*row) for row in self._rows(PHASES)])

    async def node_rows(self) -> list[NodeRow]:
        """Return the state of every node in every phase."""
        return await self._call(lambda: [NodeRow(*row) for row in self._rows(NODE_ROWS)])

    async def operation_rows(self) -> list[OperationRow]:
        """Return the state of every operation on every node."""
        return await self._call(lambda: [OperationRow(*row) for row in self._rows(OPERATION_ROWS)])

    async def questions(self) -> list[QuestionRow]:
        """Return the questions that wait for an answer, the oldest first."""
        return await self._call(lambda: [QuestionRow(*row) for row in self._rows(_QUESTIONS)])

    def fact(self, name: str, value: str) -> str:
        """Return what is known under ``name``, which is ``value`` if nothing was (known when opened)."""
        known = self._facts.setdefault(name, value)
        if known is value:
            self._write(("INSERT OR IGNORE INTO fact VALUES (?, ?)", (name, value)))
        return known

    def note(self, name: str, value: str) -> asyncio.Future[None]:
        """Record what is known under ``name`` from now on."""
        self._facts[name] = value
        return self._write(("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value)))

    def _write(self, *rows: tuple[str, tuple[Any, ...]]) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.add_done_callback(_seen)
        self._pending.extend(rows)
        self._waiting.append(future)
        if self._committer is None or self._committer.done():
            self._committer = asyncio.create_task(self._commit_all())
        return future

    async def _commit_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._pending:
            rows, self._pending = self._pending, []
            waiting, self._waiting = self._waiting, []
            if self._failure is None:
                try:
                    await loop.run_in_executor(self._thread, self._commit, rows)
                except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
                    # later writes fail too: what they build on is not there, even if the disk has room again
                    self._failure = JournalError(f"the journal {self._path} cannot be written: {error}")
            for future in waiting:
                if future.done():
                    continue
                if self._failure is None:
                    future.set_result(None)
                else:
                    future.set_exception(self._failure)

    def _commit(self, rows: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
        connection = self._opened()
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement, values in rows:
                connection.execute(statement, values)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    async def _call(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, OSError) as error:
            raise JournalError(f"the journal {self._path} cannot be used: {error}") from None

    def _open(self) -> None:
        self._connection = connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self._path.chmod(0o600)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > _VERSION:
            raise sqlite3.DatabaseError("it was written by a newer release; use that release for this job")
        if version < _VERSION:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")
        self.run = connection.execute("SELECT coalesce(max(number), 0) FROM run").fetchone()[0]
        self.nodes = {(phase, node): State(state) for phase, node, state in self._rows(_NODES)}
        self.warned = {(phase, node): count for phase, node, count in self._rows(_WARNED)}
        self.operations = {
            (phase, node, operation): OperationMark(State(state), token, code)
            for phase, node, operation, state, token, code in self._rows(_OPERATIONS)
            if not self.nodes.get((phase, node), State.PENDING).finished
        }
        self.published = set(self._rows(_PUBLISHED))
        self._facts = dict(self._rows("SELECT name, value FROM fact"))

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.ProgrammingError("it is not open")
        return self._connection

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._opened().execute(statement, values).fetchall()


def _output_row(resource_id: int, name: str, data: dict[str, Any] | None) -> tuple[str, tuple[Any, ...]]:
    if data is None:
        return _DROP_OUTPUT, (resource_id, name)
    return _STORE_OUTPUT, (resource_id, name, msgspec.json.encode(data).decode())


def _seen(future: asyncio.Future[None]) -> None:
    """Let a failed write that nobody awaited pass in silence; the next awaited one fails too."""
    if not future.cancelled():
        future.exception()
