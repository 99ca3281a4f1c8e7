"""Status files: ``status/<phase>/<node>.json`` (spec section 5.2), always whole."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from pilothouse.engine.events import (
    Event,
    NodeEnded,
    NodeSkipped,
    NodeStarted,
    NodeWaiting,
    OperationEnded,
    OperationSkipped,
    OperationStarted,
)
from pilothouse.engine.publications import Publications
from pilothouse.engine.watchers.files import FileWatcher
from pilothouse.engine.workspace import Workspace
from pilothouse.files import write_atomic
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.states import State, legacy_word

_Key = tuple[str, int]

_FEW: Final = 5
_PACE_PER_FEW: Final = 0.05
_LONGEST_PACE: Final = 0.5


class StatusFiles(FileWatcher):
    """Keeps the status file of every node current; in a job on many ``nodes`` a state that soon passes is left out."""

    def __init__(self, space: Workspace, nodes: int = 1) -> None:
        self._space = space
        super().__init__()
        # each file replaced is one deleted, and for minutes ext4 looks at every deleted one whenever a file is made
        self.pace = min(_LONGEST_PACE, _PACE_PER_FEW * (nodes // _FEW))
        self._current: dict[_Key, dict[str, Any]] = {}
        self._unwritten: dict[_Key, tuple[str, Node]] = {}
        self._publications: Publications | None = None
        self._written: list[_Key] = []

    def report_to(self, publications: Publications) -> None:
        """Say from now on which files have been written."""
        self._publications = publications

    async def observe(self, events: Sequence[Event]) -> None:
        """Write the batch, and only then say which files exist."""
        await super().observe(events)
        self._report()

    async def close(self) -> None:
        """Write the rest, and say so; raises the first OSError there was."""
        try:
            await super().close()
        finally:
            self._report()

    def write(self, events: Sequence[Event]) -> None:
        """Fold the batch into the nodes' documents and write each changed one once."""
        ended: list[_Key] = []
        for event in events:
            if isinstance(event, NodeSkipped):
                self._skipped(event)
                continue
            if not isinstance(event, _Folded):
                continue
            key = (event.phase, event.node.resource_id)
            self._unwritten[key] = (event.phase, event.node)
            self._fold(event, self._current.setdefault(key, _document(State.PENDING)))
            if isinstance(event, NodeEnded):
                ended.append(key)
        self._write_out()
        for key in ended:
            if key not in self._unwritten:
                self._current.pop(key, None)

    def finish(self) -> None:
        """Write what the disk has refused so far."""
        self._write_out()

    def _report(self) -> None:
        if self._publications is not None:
            self._publications.written(self._written)
        self._written = []

    def _write_out(self) -> None:
        for key, (phase, node) in list(self._unwritten.items()):
            path = self._space.status(phase, node)
            with self.attempt(path):
                write_atomic(path, msgspec.json.encode(self._current[key]))
                del self._unwritten[key]
                self._written.append(key)

    def _skipped(self, event: NodeSkipped) -> None:
        path = self._space.status(event.phase, event.node)
        with self.attempt(path):
            known = _read(path)
            if known.get("status") != legacy_word(event.state):
                write_atomic(path, msgspec.json.encode({**_document(event.state), **known, **_ended(event.state)}))
            self._written.append((event.phase, event.node.resource_id))

    def _fold(self, event: "_Folded", document: dict[str, Any]) -> None:
        match event:
            case NodeStarted():
                document["status"] = legacy_word(State.RUNNING)
            case OperationStarted():
                document[event.operation] = legacy_word(State.RUNNING)
                document["currenOp"] = event.operation
            case OperationSkipped():
                document[event.operation] = legacy_word(State.SUCCEEDED)
            case OperationEnded():
                document[event.operation] = legacy_word(event.state)
                document["opPid"] = event.group
            case NodeWaiting():
                document["status"] = legacy_word(State.RUNNING if event.interact is None else State.WAITING)
                document["interact"] = event.interact
            case NodeEnded():
                document["interact"] = None
                document["status"] = legacy_word(event.state)
                document["warnCount"] = event.warnings


_Folded = NodeStarted | NodeWaiting | NodeEnded | OperationStarted | OperationSkipped | OperationEnded


def _read(path: Path) -> dict[str, Any]:
    """Return what a file says; nothing when it is missing or was damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (FileNotFoundError, msgspec.DecodeError):
        return {}


def _ended(state: State) -> dict[str, Any]:
    return {"status": legacy_word(state), "interact": None}


def _document(state: State) -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "interact": None,
        "status": legacy_word(state),
        "warnCount": 0,
        "currenOp": None,
        "opPid": None,
    }
