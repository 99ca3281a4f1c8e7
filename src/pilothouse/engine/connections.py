"""One connection per node and job: opened when first needed, closed after the node's last step."""

import asyncio
from collections import Counter
from collections.abc import Mapping

from pilothouse.errors import TransportError
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.plan import Plan
from pilothouse.transports.contract import Connection, Transport

_Way = tuple[int, str, str, int, str]
"""A node and how it is reached: another phase may reach it as another user."""


class Connections:
    """The open connections of a job, by node."""

    def __init__(self, transports: Mapping[str, Transport], plan: Plan) -> None:
        self._transports = transports
        self._steps = Counter(
            node for group in plan.groups for lane in group.lanes for step in lane.steps for node in step.nodes
        )
        self._open: dict[_Way, Connection] = {}
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

    async def drop(self, node: Node) -> None:
        """Forget a connection that was lost, so that the next operation opens a new one."""
        if connection := self._open.pop(_way(node), None):
            await connection.close()

    async def step_done(self, node: Node) -> None:
        """Note that a step of the plan is done with the node; after the last one its connection is closed."""
        self._steps[node.resource_id] -= 1
        if self._steps[node.resource_id] <= 0:
            for way in [way for way in self._open if way[0] == node.resource_id]:
                await self._open.pop(way).close()

    async def close(self) -> None:
        """Close every connection and give back the transports."""
        async with asyncio.TaskGroup() as group:
            for connection in self._open.values():
                group.create_task(connection.close())
        self._open.clear()
        for transport in self._transports.values():
            await transport.close()


def _way(node: Node) -> _Way:
    return (node.resource_id, node.protocol, node.host, node.protocol_port, node.username)
