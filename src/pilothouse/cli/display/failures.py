"""The nodes that failed in this run: the newest in full, all of them counted by reason, in bounded memory."""

import re
from collections import OrderedDict
from typing import Final

import msgspec

from pilothouse.jobs.nodes import Node

KEPT: Final = 100
REASONS: Final = 100
NAMED: Final = 50
OTHER: Final = "other reasons"
UNKNOWN: Final = "no reason given"

Place = tuple[str, int]


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A node that failed in a phase; ``tail`` are its last output lines, oldest first."""

    phase: str
    node: Node
    reason: str
    seconds: float
    tail: tuple[str, ...]


class SameReason(msgspec.Struct, frozen=True):
    """Nodes that failed for one reason; ``nodes`` are the first of them, ``count`` counts them all."""

    reason: str
    count: int
    nodes: tuple[Node, ...]


class Failures:
    """Keeps the newest failures, and how many nodes share which reason."""

    def __init__(self, kept: int = KEPT, named: int = NAMED) -> None:
        self._kept = kept
        self._named = named
        self._newest: OrderedDict[Place, Failure] = OrderedDict()
        self._reasons: dict[Place, str] = {}
        self._groups: dict[str, _Group] = {}

    def __len__(self) -> int:
        return len(self._reasons)

    def add(self, failure: Failure) -> None:
        """Take up a failure; the oldest one loses its details when there are too many."""
        place = (failure.phase, failure.node.resource_id)
        self.remove(place)
        reason = _general(failure.reason or UNKNOWN, failure.node)
        if reason not in self._groups and len(self._groups) >= REASONS:
            reason = OTHER
        self._reasons[place] = reason
        self._groups.setdefault(reason, _Group(self._named)).add(place, failure)
        self._newest[place] = failure
        if len(self._newest) > self._kept:
            self._newest.popitem(last=False)

    def remove(self, place: Place) -> None:
        """Forget a failure because its node is taken up again; nothing happens if there is none."""
        reason = self._reasons.pop(place, None)
        if reason is None:
            return
        self._newest.pop(place, None)
        group = self._groups[reason]
        group.remove(place)
        if not group.count:
            del self._groups[reason]

    def newest(self, most: int) -> list[Failure]:
        """Return the newest failures, newest first."""
        chosen: list[Failure] = []
        for failure in reversed(self._newest.values()):
            if len(chosen) >= most:
                break
            chosen.append(failure)
        return chosen

    def by_reason(self) -> list[SameReason]:
        """Return the reasons with their nodes, the most frequent first."""
        groups = sorted(self._groups.items(), key=lambda item: -item[1].count)
        return [SameReason(group.shown(reason), group.count, group.nodes) for reason, group in groups]


class _Group:
    """The nodes of one reason; only the first of them by value."""

    def __init__(self, most: int) -> None:
        self.count = 0
        self._most = most
        self._named: dict[Place, Failure] = {}

    @property
    def nodes(self) -> tuple[Node, ...]:
        return tuple({failure.node.resource_id: failure.node for failure in self._named.values()}.values())

    def add(self, place: Place, failure: Failure) -> None:
        self.count += 1
        if len(self._named) < self._most:
            self._named[place] = failure

    def remove(self, place: Place) -> None:
        self.count -= 1
        self._named.pop(place, None)

    def shown(self, reason: str) -> str:
        """Return the node's own words when they are the only ones."""
        if self.count == 1 and self._named and reason != OTHER:
            return next(iter(self._named.values())).reason or UNKNOWN
        return reason


def _general(reason: str, node: Node) -> str:
    """Put ``<node>`` for the node's own name, so that one cause on many nodes reads the same."""
    for own in (node.key, node.host, node.name):
        if own and own in reason:
            reason = re.sub(rf"(?<![\w.-]){re.escape(own)}(?![\w-])", "<node>", reason)
    return reason
