"""``fileops/filep2ptrans``: files of one node to the node of the operation, by way of the runner (8.6, 8)."""

import asyncio
import tempfile
from pathlib import Path

from pilothouse.errors import UsageError
from pilothouse.jobs.nodes import Node
from pilothouse.tools import program
from pilothouse.tools.copying.copies import Manner, pull, push
from pilothouse.tools.copying.entries import checked, names
from pilothouse.tools.copying.machine import reach


def main() -> int:
    """Run the tool."""
    add = program.parser("Copy files from another node of the job to this one.")
    add.add_argument("--fromnode", required=True)
    add.add_argument("--src", required=True)
    add.add_argument("--dest", required=True)
    program.switch(add, "--followlinks", "copy what links lead to")
    program.switch(add, "--cpifexists", "pass over sources that are not there")
    options = add.parse_args()
    manner = Manner(follow=options.followlinks, missing_ok=options.cpifexists)
    origin = program.opened(chosen(options.fromnode, program.job_nodes()))
    carried = asyncio.run(_copy(origin, names(options.src), checked(options.dest), manner))
    program.say("FINE", f"{carried} files copied and verified")
    return 0


def chosen(text: str, known: tuple[Node, ...]) -> Node:
    """Return the node that a resource id, a name or a host means. Raises UsageError when it is none, or several."""
    found = [node for node in known if text in {str(node.resource_id), node.name, node.host}]
    if len(found) != 1:
        raise UsageError(f"--fromnode: {len(found)} nodes of the job are {text!r}; allowed: a resource id of one node")
    return found[0]


async def _copy(origin: Node, found: tuple[str, ...], destination: str, manner: Manner) -> int:
    with tempfile.TemporaryDirectory(dir=program.work_path(), prefix=".p2p-") as folder:
        async with reach(origin) as machine:
            await pull(machine, found, Path(folder), manner, slash=True)
        arrived = tuple(sorted(path.name for path in Path(folder).iterdir()))
        if not arrived:
            return 0
        async with reach(program.login_node()) as machine:
            return await push(machine, arrived, destination, Path(folder), manner)
