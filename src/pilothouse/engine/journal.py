"""The journal of one job: SQLite in WAL mode, written in groups, durable before anyone is told.

Every write returns a future that is done when the write has reached the disk. Writes are carried out in the
order of the calls, so awaiting the last of several covers them all.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from pilothouse.engine import journal_statements as sql
from pilothouse.engine.database import Database, Row
from pilothouse.engine.journal_rows import NodeRow, OperationMark, OperationRow, PhaseRow, QuestionRow, RunRow
from pilothouse.errors import JournalError
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.states import State

T = TypeVar("T")


class Journal:
    """What happened in a job, for certain."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = Database(path, "journal")
        self._pending: list[Row] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._committer: asyncio.Task[None] | None = None
        self._failure: JournalError | None = None
        self._closed = False
        self._facts: dict[str, str] = {}
        self._with_outputs: set[int] = set()
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
        await self._call(self._file.close)
        self._file.end()

    def begin_run(self, started: float, pid: int, user: str, digest: str, plan: bytes) -> asyncio.Future[None]:
        """Record that a run starts; its number is ``run``."""
        self.run += 1
        return self._write((sql.BEGIN_RUN, (self.run, started, pid, user, digest, plan)))

    def end_run(self, ended: float, state: State) -> asyncio.Future[None]:
        """Record how the run ended."""
        return self._write((sql.END_RUN, (ended, state.value, self.run)))

    def set_phase(self, phase: str, state: State, started: float, ended: float | None = None) -> asyncio.Future[None]:
        """Record a phase's state."""
        return self._write((sql.SET_PHASE, (phase, state.value, self.run, started, ended)))

    def start_node(self, phase: str, node: Node, started: float) -> asyncio.Future[None]:
        """Record that a node is taken up in a phase."""
        self.nodes[phase, node.resource_id] = State.RUNNING
        return self._write((sql.START_NODE, (phase, node.resource_id, node.key, self.run, started)))

    def end_node(
        self, phase: str, node: Node, state: State, ended: float, warnings: int, reason: str
    ) -> asyncio.Future[None]:
        """Record how a node ended in a phase."""
        self.nodes[phase, node.resource_id] = state
        return self._write((sql.END_NODE, (state.value, ended, warnings, reason, phase, node.resource_id)))

    def start_operation(
        self, phase: str, node: Node, operation: str, token: str, started: float
    ) -> asyncio.Future[None]:
        """Record that an operation is about to start under ``token``."""
        self.operations[phase, node.resource_id, operation] = OperationMark(State.RUNNING, token)
        return self._write((sql.START_OPERATION, (phase, node.resource_id, operation, token, started)))

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
        rows: list[Row] = [(sql.END_OPERATION, (state.value, ended, code, reason, phase, node.resource_id, operation))]
        for resource_id, data in outputs.items():
            rows += self._output_rows(resource_id, {operation: data})
        return self._write(*rows)

    def set_outputs(self, resource_id: int, changed: Mapping[str, dict[str, Any] | None]) -> asyncio.Future[None]:
        """Record what is kept for a node besides the ends of its operations, by name; None drops it."""
        return self._write(*self._output_rows(resource_id, changed))

    def ask(self, phase: str, node: Node, asked: float, interact: str) -> asyncio.Future[None]:
        """Record that a node waits for the answer to a question."""
        self.nodes[phase, node.resource_id] = State.WAITING
        return self._write(
            (sql.SET_NODE, (State.WAITING.value, phase, node.resource_id)),
            (sql.ASK, (phase, node.resource_id, asked, interact)),
        )

    def unask(self, phase: str, node: Node) -> asyncio.Future[None]:
        """Record that a node waits no longer and runs on."""
        self.nodes[phase, node.resource_id] = State.RUNNING
        return self._write(
            (sql.SET_NODE, (State.RUNNING.value, phase, node.resource_id)), (sql.UNASK, (phase, node.resource_id))
        )

    def unask_all(self) -> asyncio.Future[None]:
        """Forget the questions of an engine that is gone."""
        return self._write((sql.UNASK_ALL, ()))

    def publish(self, places: Iterable[tuple[str, int]]) -> asyncio.Future[None]:
        """Record that the status files of these nodes, by phase and resourceId, have been written."""
        rows = list(places)
        self.published.update(rows)
        return self._write(*((sql.PUBLISH, row) for row in rows))

    def reset(self, phase: str, resource_id: int) -> asyncio.Future[None]:
        """Forget a node's states in a phase, so that it runs from its first operation on; outputs stay."""
        self.nodes.pop((phase, resource_id), None)
        self.published.discard((phase, resource_id))
        for place in [place for place in self.operations if place[:2] == (phase, resource_id)]:
            del self.operations[place]
        return self._write(*((statement, (phase, resource_id)) for statement in sql.RESET))

    def hold_lock(self, lock_id: str, request: dict[str, Any]) -> asyncio.Future[None]:
        """Record that the job holds or waits for a global lock, as ``request`` to let go of it says."""
        return self._write((sql.HOLD, (lock_id, msgspec.json.encode(request).decode())))

    def drop_lock(self, lock_id: str) -> asyncio.Future[None]:
        """Record that the job has let go of a global lock."""
        return self._write((sql.DROP, (lock_id,)))

    async def held_locks(self) -> list[dict[str, Any]]:
        """Return the requests of locks that an engine took and never let go of."""
        return await self._call(lambda: [msgspec.json.decode(row[0]) for row in self._file.rows(sql.LOCKS)])

    def forget(self) -> asyncio.Future[None]:
        """Forget every state, so that the next run does everything again; outputs stay."""
        self.nodes.clear()
        self.operations.clear()
        self.published.clear()
        return self._write(*((statement, ()) for statement in sql.FORGET))

    async def outputs(self, resource_id: int) -> dict[str, Any]:
        """Return a node's outputs by operation id."""
        if resource_id not in self._with_outputs:
            return {}
        return await self._call(
            lambda: {name: msgspec.json.decode(data) for name, data in self._file.rows(sql.OUTPUTS, resource_id)}
        )

    async def output_nodes(self) -> list[int]:
        """Return the resourceIds for which outputs are kept."""
        return await self._call(lambda: [row[0] for row in self._file.rows(sql.OUTPUT_NODES)])

    async def runs(self) -> list[RunRow]:
        """Return all runs, oldest first."""
        return await self._call(lambda: [RunRow(*row) for row in self._file.rows(sql.RUNS)])

    async def phase_rows(self) -> list[PhaseRow]:
        """Return the state of every phase that was started, in order of start."""
        return await self._call(lambda: [PhaseRow(*row) for row in self._file.rows(sql.PHASES)])

    async def node_rows(self) -> list[NodeRow]:
        """Return the state of every node in every phase."""
        return await self._call(lambda: [NodeRow(*row) for row in self._file.rows(sql.NODE_ROWS)])

    async def operation_rows(self) -> list[OperationRow]:
        """Return the state of every operation on every node."""
        return await self._call(lambda: [OperationRow(*row) for row in self._file.rows(sql.OPERATION_ROWS)])

    async def questions(self) -> list[QuestionRow]:
        """Return the questions that wait for an answer, the oldest first."""
        return await self._call(lambda: [QuestionRow(*row) for row in self._file.rows(sql.QUESTIONS)])

    def fact(self, name: str, value: str) -> str:
        """Return what is known under ``name``, which is ``value`` if nothing was (known when opened)."""
        known = self._facts.setdefault(name, value)
        if known is value:
            self._write((sql.LEARN, (name, value)))
        return known

    def note(self, name: str, value: str) -> asyncio.Future[None]:
        """Record what is known under ``name`` from now on."""
        self._facts[name] = value
        return self._write((sql.NOTE, (name, value)))

    def _output_rows(self, resource_id: int, changed: Mapping[str, dict[str, Any] | None]) -> list[Row]:
        """Return what it takes to record a node's outputs: nothing when there are none and never were."""
        rows: list[Row] = []
        for name, data in changed.items():
            if data is not None:
                self._with_outputs.add(resource_id)
                rows.append((sql.STORE_OUTPUT, (resource_id, name, msgspec.json.encode(data).decode())))
            elif resource_id in self._with_outputs:
                rows.append((sql.DROP_OUTPUT, (resource_id, name)))
        return rows

    def _write(self, *rows: Row) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.add_done_callback(_seen)
        self._pending.extend(rows)
        self._waiting.append(future)
        if self._committer is None or self._committer.done():
            self._committer = asyncio.create_task(self._commit_all())
        return future

    async def _commit_all(self) -> None:
        while self._pending:
            rows, self._pending = self._pending, []
            waiting, self._waiting = self._waiting, []
            if self._failure is None:
                try:
                    await self._file.run(partial(self._commit, rows))
                except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
                    # later writes fail too: what they build on is not there, even if the disk has room again
                    self._failure = JournalError(
                        f"the journal {self._path} cannot be written: {error}; once that is mended, run the job again:"
                        " what succeeded is recorded"
                    )
            for future in waiting:
                if future.done():
                    continue
                if self._failure is None:
                    future.set_result(None)
                else:
                    future.set_exception(self._failure)

    def _commit(self, rows: Sequence[Row]) -> None:
        self._file.write(rows)

    async def _call(self, work: Callable[[], T]) -> T:
        try:
            return await self._file.run(work)
        except (sqlite3.Error, OSError) as error:
            raise JournalError(f"the journal {self._path} cannot be used: {error}") from None

    def _open(self) -> None:
        connection = self._file.open()
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > sql.VERSION:
            raise sqlite3.DatabaseError("it was written by a newer release; use that release for this job")
        if version < sql.VERSION:
            connection.executescript(f"BEGIN IMMEDIATE; {sql.SCHEMA} PRAGMA user_version = {sql.VERSION}; COMMIT;")
        self.run = connection.execute(sql.LAST_RUN).fetchone()[0]
        self.nodes = {(phase, node): State(state) for phase, node, state in self._file.rows(sql.NODES)}
        self.warned = {(phase, node): count for phase, node, count in self._file.rows(sql.WARNED)}
        self.operations = {
            (phase, node, operation): OperationMark(State(state), token, code)
            for phase, node, operation, state, token, code in self._file.rows(sql.OPERATIONS)
            if not self.nodes.get((phase, node), State.PENDING).finished
        }
        self.published = set(self._file.rows(sql.PUBLISHED))
        self._with_outputs = {row[0] for row in self._file.rows(sql.OUTPUT_NODES)}
        self._facts = dict(self._file.rows(sql.FACTS))


def _seen(future: asyncio.Future[None]) -> None:
    """Let a failed write that nobody awaited pass in silence; the next awaited one fails too."""
    if not future.cancelled():
        future.exception()
