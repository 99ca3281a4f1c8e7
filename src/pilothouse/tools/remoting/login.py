"""A connection to a machine, by its protocol."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pilothouse.jobs.nodes import Node
from pilothouse.settings import load
from pilothouse.tools.program import ToolError
from pilothouse.transports.contract import Connection, Transport
from pilothouse.transports.local import LocalTransport
from pilothouse.transports.ssh import SshTransport
from pilothouse.transports.tagent import TagentTransport


@asynccontextmanager
async def login(node: Node) -> AsyncIterator[Connection]:
    """Connect to a node. Raises TransportError; ToolError for a protocol that tools cannot use."""
    transport: Transport
    if node.protocol == "local":
        transport = LocalTransport()
    elif node.protocol == "ssh":
        transport = SshTransport(load())
    elif node.protocol == "tagent":
        transport = TagentTransport(load())
    else:
        raise ToolError(f"{node.key}: the protocol {node.protocol!r} cannot be used here; allowed: ssh, tagent, local")
    try:
        connection = await transport.connect(node)
        try:
            yield connection
        finally:
            await connection.close()
    finally:
        await transport.close()
