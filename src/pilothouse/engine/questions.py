"""Nodes that wait for a person: the question is recorded, shown, and taken back when it is answered (4.12)."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from pilothouse.clock import Clock
from pilothouse.engine.events import EventStream, NodeWaiting
from pilothouse.engine.journal import Journal
from pilothouse.errors import RefusedError
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.states import State
from pilothouse.secrets.mask import Masker

FindNode = Callable[[str, int], Node | None]

_AT_WORK: Final = frozenset({State.RUNNING, State.WAITING})
_PATH: Final = "pipeFile"


class Questions:
    """The open questions of a run; ``find`` returns the node of a phase by its resourceId."""

    def __init__(
        self, journal: Journal, stream: EventStream, clock: Clock, find: FindNode, secrets: Sequence[str]
    ) -> None:
        self._journal = journal
        self._stream = stream
        self._clock = clock
        self._find = find
        self._secrets = secrets
        self._open: dict[tuple[str, int], Node] = {}

    async def ask(self, phase: str, resource_id: int, interact: dict[str, Any]) -> None:
        """Let a node wait; raises RefusedError when it is not at work in that phase."""
        node = self._at_work(phase, resource_id)
        masker = Masker((node.password,))
        for secret in self._secrets:
            masker.add(secret)
        shown = {name: value if name == _PATH else _masked(value, masker) for name, value in interact.items()}
        self._open[phase, resource_id] = node
        await self._journal.ask(phase, node, self._clock.time(), msgspec.json.encode(shown).decode())
        self._stream.publish(NodeWaiting(at=self._clock.time(), phase=phase, node=node, interact=shown))

    async def answered(self, phase: str, resource_id: int) -> None:
        """Let a node run on; nothing happens to one that does not wait."""
        node = self._open.pop((phase, resource_id), None)
        if node is None:
            return
        await self._journal.unask(phase, node)
        self._stream.publish(NodeWaiting(at=self._clock.time(), phase=phase, node=node, interact=None))

    def _at_work(self, phase: str, resource_id: int) -> Node:
        node = self._find(phase, resource_id)
        if node is None or self._journal.nodes.get((phase, resource_id)) not in _AT_WORK:
            raise RefusedError(f"node {resource_id} is not at work in phase {phase!r}, so it cannot wait for input")
        return node


def _masked(value: Any, masker: Masker) -> Any:
    match value:
        case str():
            return masker.mask(value)
        case list():
            return [_masked(item, masker) for item in value]
        case dict():
            return {name: _masked(item, masker) for name, item in value.items()}
    return value
