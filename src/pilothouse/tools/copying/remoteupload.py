"""``fileops/remoteupload``: files that were given to the job, to a node (spec section 8.6, 7)."""

import asyncio

from pilothouse.tools import program
from pilothouse.tools.copying.copies import Manner, push
from pilothouse.tools.copying.entries import checked, names
from pilothouse.tools.copying.machine import reach


def main() -> int:
    """Run the tool."""
    add = program.parser("Copy uploaded files of the job to a node.")
    add.add_argument("--src", required=True)
    add.add_argument("--dest", required=True)
    options = add.parse_args()
    carried = asyncio.run(_copy(names(options.src), checked(options.dest)))
    program.say("FINE", f"{carried} files copied and verified")
    return 0


async def _copy(found: tuple[str, ...], destination: str) -> int:
    # the job's files are links into the cache; what they lead to is meant
    manner = Manner(follow=True)
    async with reach(program.login_node()) as machine:
        return await push(machine, found, destination, program.work_path(), manner)
