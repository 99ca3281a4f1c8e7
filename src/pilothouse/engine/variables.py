"""What ``setenv`` has set: variables of one node, and of the whole job (spec section 3.6).

A node's lie beside its outputs, as ``nodeEnv`` and, marked there, ``hiddenNodeEnv``; the job's lie in the
journal under a node number that no node has.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from pilothouse.engine.environment import exported
from pilothouse.engine.journal import Journal
from pilothouse.engine.outputs import NodeOutputs, OutputStore
from pilothouse.errors import RefusedError
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.references import as_text
from pilothouse.jobs.turns import HIDDEN_VARIABLES, NODE_VARIABLES

_EVERYWHERE: Final = -1


class Variables:
    """The variables of a job; what is set is in the journal before a call returns."""

    def __init__(self, journal: Journal, outputs: OutputStore) -> None:
        self._journal = journal
        self._outputs = outputs
        self._everywhere: NodeOutputs | None = None
        self._passing: dict[str, str] = {}
        self._locks: dict[int, asyncio.Lock] = {}

    async def of(self, node: Node) -> dict[str, str]:
        """Return a node's variables."""
        return (await self._outputs.of(node)).get(NODE_VARIABLES, {})

    async def everywhere(self) -> dict[str, str]:
        """Return the job's variables, those for this run only included."""
        return {**(await self._global()).get(NODE_VARIABLES, {}), **self._passing}

    async def hidden(self, node: Node) -> list[str]:
        """Return the values, the node's and the job's, that no log may show."""
        stores = (await self._outputs.of(node), await self._global())
        return [store[NODE_VARIABLES][name] for store in stores for name in store.get(HIDDEN_VARIABLES, {})]

    async def set_on(self, node: Node, name: str, value: str, *, hidden: bool) -> None:
        """Set a node's variable."""
        # phases side by side may set variables of one node, and each write holds all of them
        async with self._locks.setdefault(node.resource_id, asyncio.Lock()):
            changed = _with(await self._outputs.of(node), name, value, hidden=hidden)
            await self._journal.set_outputs(node.resource_id, changed)
            for key, data in changed.items():
                await self._outputs.keep(node, key, data)

    async def set_everywhere(self, name: str, value: str, *, hidden: bool) -> None:
        """Set a variable of the job."""
        known = await self._global()
        changed = _with(known, name, value, hidden=hidden)
        known.update(changed)
        await self._journal.set_outputs(_EVERYWHERE, changed)

    async def set_items(self, items: Mapping[str, Any], *, persist: bool) -> None:
        """Set variables of the job, with ``persist`` for later runs too (setEnv, spec section 4.8).

        Raises RefusedError, and sets none, when a name cannot be exported or is protected (PATH, LD_..., D47).
        """
        values = {name: as_text(value) for name, value in items.items()}
        refused = [name for name in values if name not in exported(values)]
        if refused:
            raise RefusedError(f"setEnv: {', '.join(map(repr, refused))} cannot be set; allowed: unprotected names")
        if not persist:
            self._passing.update(values)
            return
        for name, value in values.items():
            self._passing.pop(name, None)
            await self.set_everywhere(name, value, hidden=False)

    async def _global(self) -> NodeOutputs:
        if self._everywhere is None:
            found = await self._journal.outputs(_EVERYWHERE)
            self._everywhere = found if self._everywhere is None else self._everywhere
        return self._everywhere


def _with(known: NodeOutputs, name: str, value: str, *, hidden: bool) -> dict[str, dict[str, Any]]:
    marks = {key: 1 for key in known.get(HIDDEN_VARIABLES, {}) if key != name}
    if hidden:
        marks[name] = 1
    return {NODE_VARIABLES: {**known.get(NODE_VARIABLES, {}), name: value}, HIDDEN_VARIABLES: marks}
