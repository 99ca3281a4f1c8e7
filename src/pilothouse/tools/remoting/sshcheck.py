"""``inspect/sshcheck``: whether one can log in to the node by SSH (spec section 8.6, 22)."""

import asyncio
import time

import msgspec

from pilothouse.errors import PilothouseError
from pilothouse.jobs.nodes import Node
from pilothouse.tools import program
from pilothouse.tools.remoting.login import login

_SSH_PORT = 22


def main() -> int:
    """Run the tool; it ends with 0 whatever comes of it, for the answer is the output."""
    add = program.parser("Say whether one can log in to the node by SSH.")
    add.add_argument("--timeout", type=float, default=30.0)
    options = add.parse_args()
    node = program.login_node()
    start = time.monotonic()
    error = asyncio.run(_error(node, options.timeout))
    program.say("WARN" if error else "FINE", error or f"{node.host} lets {node.username} log in")
    reading = {
        "MGMT_IP": node.host,
        "PORT": node.protocol_port or _SSH_PORT,
        "RESOURCE_ID": node.resource_id,
        "AVAILABILITY": 0 if error else 1,
        "RESPONSE_TIME": round(time.monotonic() - start, 3),
        "ERROR_MESSAGE": error,
    }
    program.save({"DATA": reading})
    return 0


async def _error(node: Node, seconds: float) -> str:
    try:
        async with asyncio.timeout(seconds), login(msgspec.structs.replace(node, protocol="ssh")):
            return ""
    except TimeoutError:
        return f"{node.host} lets nobody log in within {seconds:g} seconds"
    except (PilothouseError, OSError) as error:
        return str(error)
