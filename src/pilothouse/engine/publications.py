"""Status files that were taken away from outside: their nodes run again (spec section 5.2, external reset).

The journal knows which files had been written. So a file that is missing because the engine was killed before
it could write it is told from one that somebody removed.
"""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from pilothouse.engine.journal import Journal
from pilothouse.engine.workspace import Workspace
from pilothouse.jobs.nodes import Node


class Publications:
    """Which nodes' status files have been written, by this run or an earlier one."""

    def __init__(self, journal: Journal, space: Workspace) -> None:
        self._journal = journal
        self._space = space

    def written(self, places: Iterable[tuple[str, int]]) -> None:
        """Take note of files that exist now, by phase and resourceId."""
        news = [place for place in places if place not in self._journal.published]
        if news:
            self._journal.publish(news)

    def renew(self, phase: str, node: Node) -> bool:
        """Forget the node's states in the phase if its file was taken away; says whether it was."""
        if (phase, node.resource_id) not in self._journal.published or self._space.status(phase, node).exists():
            return False
        self._journal.reset(phase, node.resource_id)
        return True


@runtime_checkable
class Publisher(Protocol):
    """An observer that says which status files it has written."""

    def report_to(self, publications: Publications) -> None:
        """Take note of whom to tell; called once, before the first event."""
        ...
