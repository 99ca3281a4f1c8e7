"""One connection per node and job: opened when first needed, closed after the node's last step."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Mapping

from pilothouse.engine.stores import FOLDERS, Store
from pilothouse.errors import TransportError
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.plan import Plan
from pilothouse.transports.contract import Connection, Transport

_Way = tuple[int, str, str, int, str, str]
"""A node and how it is reached: another phase may reach it as another user."""


class Connections:
    """The open connections of a job, by node; ``job`` and ``mark`` name its folders on the machines."""

    def __init__(self, transports: Mapping[str, Transport], plan: Plan, job: str = "", mark: str = "") -> None:
        self._transports = transports
        self._job = job
        self._mark = mark
        self._steps = Counter(
            node for group in plan.groups for lane in group.lanes for step in lane.steps for node in step.nodes
        )
        self._open: dict[_Way, Connection] = {}
        self._stores: dict[_Way, Store] = {}
        self._locks: dict[_Way, asyncio.Lock] = {}

    async def to(self, node: Node) -> Connection:
        """Return the node's connection, opening it if there is none. Raises TransportError."""
        way = _way(node)
        async with self._locks.setdefault(way, asyncio.Lock()):
            if way not in self._open:
                transport = self._transports.get(node.protocol)
                if transport is None:
                    known = ", ".join(sorted(self._transports))
                    raise TransportError(
                        f"node {node.key}: protocol {node.protocol} is not available on this runner; available: {known}"
                    )
                self._open[way] = await transport.connect(node)
            return self._open[way]

    def store(self, node: Node) -> Store:
        """Return what the node is known to keep over its open connection."""
        way = _way(node)
        if way not in self._stores:
            self._stores[way] = Store(
                f"{FOLDERS}/autoexec-{self._job}-{node.resource_id}-files-{_digest(self._mark, way)}"
            )
        return self._stores[way]

    async def drop(self, node: Node) -> None:
        """Forget a connection that was lost, so that the next operation opens a new one."""
        self.store(node).doubt()
        if connection := self._open.pop(_way(node), None):
            await connection.close()

    async def step_done(self, node: Node) -> None:
        """Note that a step of the plan is done with the node; after the last one its connection is closed."""
        self._steps[node.resource_id] -= 1
        if self._steps[node.resource_id] <= 0:
            for way in [way for way in self._open if way[0] == node.resource_id]:
                await self._close(way, self._open.pop(way))

    async def close(self) -> None:
        """Close every connection and give back the transports."""
        async with asyncio.TaskGroup() as group:
            for way, connection in self._open.items():
                group.create_task(self._close(way, connection))
        self._open.clear()
        for transport in self._transports.values():
            await transport.close()

    async def _close(self, way: _Way, connection: Connection) -> None:
        if way in self._stores:
            await self._stores[way].clear(connection)
        await connection.close()


def _way(node: Node) -> _Way:
    become = node.access.become.user if node.access.become else ""
    return (node.resource_id, node.protocol, node.host, node.protocol_port, node.username, become)


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
