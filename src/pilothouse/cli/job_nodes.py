"""The nodes of a job under every name a person may give them."""

import difflib
import fnmatch
from collections import Counter
from collections.abc import Iterable
from typing import Final

from pilothouse.cli.display.palette import clean
from pilothouse.cli.display.ranges import expand
from pilothouse.engine.journal_rows import NodeRow
from pilothouse.engine.request import read_text
from pilothouse.engine.workspace import Workspace
from pilothouse.errors import PilothouseError, UsageError
from pilothouse.jobs import decoding, nodes
from pilothouse.jobs.nodes import LOCAL, Node

RUNNER: Final = "runner"
_PATTERN: Final = frozenset("*?")
_SHOWN: Final = 8


class KnownNodes:
    """Nodes by resourceId: those of the run folder's documents, and those that only the journal knows."""

    def __init__(self, found: Iterable[Node]) -> None:
        self.by_id = {LOCAL.resource_id: LOCAL, **{node.resource_id: node for node in found}}
        self._names = Counter(node.name for node in self.by_id.values())
        self._hosts = Counter(node.host for node in self.by_id.values())

    def title(self, resource_id: int) -> str:
        """Return what to call a node: its name or its host if no other has it, else its files' name."""
        node = self.by_id[resource_id]
        if node is LOCAL:
            return RUNNER
        if node.name and self._names[node.name] == 1:
            return clean(node.name)
        return clean(node.host if self._hosts[node.host] == 1 else node.key)

    def find(self, wanted: Iterable[str]) -> list[Node]:
        """Return the nodes that the words mean, each once, in the order of the words.

        A word is a resourceId, a host, ``host:port``, a nodeName, the name of a node's files, ``runner``, a
        pattern with ``*``, or names in the short form of outputs (``web-[1-9]``). Raises UsageError for a word
        that means none.
        """
        found: dict[int, Node] = {}
        for word in wanted:
            for name in word.split(", ") if "[" in word else [word]:
                found |= {node.resource_id: node for node in self._meant(name)}
        return list(found.values())

    def _meant(self, word: str) -> list[Node]:
        found = [node for node in self.by_id.values() if word in {node.key, str(node.resource_id)}]
        found = found or [node for node in self.by_id.values() if word in _names(node)]
        if not found and "[" in word:
            texts = set(expand(word))
            found = [node for node in self.by_id.values() if texts & {node.key, self.title(node.resource_id)}]
        if not found and _PATTERN.intersection(word):
            found = [node for node in self.by_id.values() if any(fnmatch.fnmatchcase(n, word) for n in _names(node))]
        if not found:
            raise UsageError(f"this job has no node {word!r}; {self._advice(word)}")
        return found

    def _advice(self, word: str) -> str:
        titles = [self.title(resource_id) for resource_id in self.by_id]
        near = difflib.get_close_matches(word, titles, n=3, cutoff=0.7) if len(titles) <= 1000 else []  # noqa: PLR2004
        if near:
            return f"did you mean {' or '.join(near)}?"
        shown = [title for title in titles if title != RUNNER][:_SHOWN]
        more = f" and {len(titles) - 1 - len(shown)} more" if len(titles) - 1 > len(shown) else ""
        return f"it has: {', '.join(shown) or 'none'}{more}; or {RUNNER}"


def known_nodes(space: Workspace, rows: Iterable[NodeRow]) -> KnownNodes:
    """Return the nodes of a job; a document that is gone or broken leaves what the journal knows."""
    found = {row.resource_id: _remembered(row) for row in rows if row.resource_id != LOCAL.resource_id}
    return KnownNodes((found | {node.resource_id: node for node in _documented(space)}).values())


def _documented(space: Workspace) -> tuple[Node, ...]:
    try:
        if space.nodes.is_file():
            return nodes.decode(read_text(space.nodes), str(space.nodes)).nodes
        if space.params.is_file():
            return decoding.decode(read_text(space.params), str(space.params)).nodes or ()
    except (PilothouseError, OSError):
        return ()
    return ()


def _remembered(row: NodeRow) -> Node:
    host, _, rest = row.key.removesuffix(f"-{row.resource_id}").rpartition("-")
    return Node(resource_id=row.resource_id, host=host or row.key, port=int(rest) if rest.isdigit() else None)


def _names(node: Node) -> set[str]:
    if node is LOCAL:
        return {RUNNER, LOCAL.host}
    named = {node.name} if node.name else set()
    return {node.host, f"{node.host}:{node.port}", *named}
