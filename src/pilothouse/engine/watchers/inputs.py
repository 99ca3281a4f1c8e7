"""Input records: ``input/<node>.json`` tells what each operation was called with (spec section 3.7)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from pilothouse.engine.events import Event, OperationStarted
from pilothouse.engine.watchers.files import FileWatcher
from pilothouse.engine.workspace import Workspace
from pilothouse.files import write_atomic
from pilothouse.jobs.nodes import Node


class InputFiles(FileWatcher):
    """Adds to a node's record what its operations were called with; secrets are masked already."""

    # what was written is read again for each further operation
    pace = 0.5

    def __init__(self, space: Workspace) -> None:
        super().__init__()
        self._space = space

    def write(self, events: Sequence[Event]) -> None:
        """Write each touched record once."""
        added: dict[int, tuple[Node, dict[str, Any]]] = {}
        for event in events:
            if isinstance(event, OperationStarted) and event.inputs:
                added.setdefault(event.node.resource_id, (event.node, {}))[1][event.operation] = event.inputs
        for node, inputs in added.values():
            with self.attempt(self._space.input(node)):
                self._add(self._space.input(node), inputs)

    def _add(self, path: Path, inputs: dict[str, Any]) -> None:
        try:
            known = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        except (FileNotFoundError, msgspec.DecodeError):
            known = {}
        write_atomic(path, msgspec.json.format(msgspec.json.encode({**known, **inputs}), indent=4), mode=0o600)
