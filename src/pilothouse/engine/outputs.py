"""Where operations' outputs are kept, so that later references find them (spec section 3.2).

The contract first; the adapter for one runner keeps them in the job's journal. A job that spans runners
uses the control server's store through the same contract.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from pilothouse.engine.journal import Journal
from pilothouse.engine.workspace import Workspace
from pilothouse.files import write_atomic
from pilothouse.jobs.nodes import LOCAL, Node
from pilothouse.jobs.turns import NODE_VARIABLES, RESERVED, folded

NodeOutputs = dict[str, dict[str, Any]]


class OutputStore(Protocol):
    """Outputs by node, then operation id, then name."""

    async def of(self, node: Node) -> NodeOutputs:
        """Return what the node's operations handed back so far, in loops by turn (`pilothouse.jobs.turns`)."""
        ...

    async def keep(self, node: Node, operation: str, data: dict[str, Any] | None) -> None:
        """Take over an operation's outputs (None: it failed) and show them in the documented file."""
        ...

    async def restore(self, nodes: Mapping[int, Node]) -> None:
        """Make good what an engine that died may not have shown; called before a run goes on after it."""
        ...

    def owners(self, node: Node) -> tuple[Node, ...]:
        """Return the nodes for which this node's outputs are kept: itself, and the runner if it is the only one."""
        ...


class JournalOutputs:
    """Outputs in the job's journal, mirrored into ``output/<node>.json`` for tools that read it there."""

    def __init__(self, journal: Journal, space: Workspace, *, single: bool) -> None:
        self._journal = journal
        self._space = space
        self._single = single
        self._known: dict[int, NodeOutputs] = {}
        self._writing: dict[int, asyncio.Lock] = {}

    async def of(self, node: Node) -> NodeOutputs:
        """Return what the node's operations handed back so far, reading the journal once per node."""
        if node.resource_id not in self._known:
            found = await self._journal.outputs(node.resource_id)
            self._known.setdefault(node.resource_id, found)
        return self._known[node.resource_id]

    async def keep(self, node: Node, operation: str, data: dict[str, Any] | None) -> None:
        """Remember outputs that the journal has already recorded, and renew the documented files."""
        for owner in (node,) if operation in RESERVED else self.owners(node):
            known = await self.of(owner)
            if data is None:
                if known.pop(operation, None) is None:
                    continue
            else:
                known[operation] = data
            await self._show(owner, known)

    async def restore(self, nodes: Mapping[int, Node]) -> None:
        """Renew all documented files, after an engine that may have died before it wrote one."""
        for resource_id in await self._journal.output_nodes():
            if node := nodes.get(resource_id):
                await self._show(node, await self.of(node))

    async def _show(self, owner: Node, known: NodeOutputs) -> None:
        # one after another, or an older state of the file could come to lie over a newer one
        async with self._writing.setdefault(owner.resource_id, asyncio.Lock()):
            content = msgspec.json.format(msgspec.json.encode({NODE_VARIABLES: {}, **folded(known)}), indent=4)
            await asyncio.to_thread(write_atomic, self._space.output(owner), content, mode=0o600)

    def owners(self, node: Node) -> tuple[Node, ...]:
        """Return the node, and the runner too when the job has just this one node."""
        return (node, LOCAL) if self._single and node is not LOCAL else (node,)
