"""Status files: ``status/<phase>/<node>.json`` (spec section 5.2), always whole."""

import os
from collections.abc import Sequence
from typing import Any

import msgspec

from pilothouse.engine.events import (
    Event,
    NodeEnded,
    NodeSkipped,
    NodeStarted,
    OperationEnded,
    OperationSkipped,
    OperationStarted,
)
from pilothouse.engine.watchers.files import FileWatcher
from pilothouse.engine.workspace import Workspace
from pilothouse.files import write_atomic
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.states import State, legacy_word

_Key = tuple[str, int]


class StatusFiles(FileWatcher):
    """Keeps the status file of every node current."""

    def __init__(self, space: Workspace) -> None:
        self._space = space
        self._current: dict[_Key, dict[str, Any]] = {}

    def write(self, events: Sequence[Event]) -> None:
        """Fold the batch into the nodes' documents and write each changed one once."""
        changed: dict[_Key, tuple[str, Node]] = {}
        ended: list[_Key] = []
        for event in events:
            if isinstance(event, NodeSkipped):
                self._skipped(event)
                continue
            if not isinstance(event, NodeStarted | NodeEnded | OperationStarted | OperationSkipped | OperationEnded):
                continue
            key = (event.phase, event.node.resource_id)
            changed[key] = (event.phase, event.node)
            self._fold(event, self._current.setdefault(key, _document(State.PENDING)))
            if isinstance(event, NodeEnded):
                ended.append(key)
        for key, (phase, node) in changed.items():
            write_atomic(self._space.status(phase, node), msgspec.json.encode(self._current[key]))
        for key in ended:
            self._current.pop(key, None)

    def _skipped(self, event: NodeSkipped) -> None:
        path = self._space.status(event.phase, event.node)
        if not path.exists():
            write_atomic(path, msgspec.json.encode(_document(event.state)))

    def _fold(
        self,
        event: NodeStarted | NodeEnded | OperationStarted | OperationSkipped | OperationEnded,
        document: dict[str, Any],
    ) -> None:
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
            case NodeEnded():
                document["status"] = legacy_word(event.state)
                document["warnCount"] = event.warnings


def _document(state: State) -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "interact": None,
        "status": legacy_word(state),
        "warnCount": 0,
        "currenOp": None,
        "opPid": None,
    }
