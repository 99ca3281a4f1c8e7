"""``fileops/remotecopy``: files of the runner to a node, or of a node to the runner (spec section 8.6, 6)."""

import asyncio
from pathlib import Path

from pilothouse.tools import program
from pilothouse.tools.copying.copies import Manner, pull, push
from pilothouse.tools.copying.entries import checked, names
from pilothouse.tools.copying.machine import reach


def main() -> int:
    """Run the tool."""
    add = program.parser("Copy files and folders between the runner and a node.")
    add.add_argument("--direction", choices=("push", "pull"), default="push")
    add.add_argument("--src", required=True)
    add.add_argument("--dest", required=True)
    program.switch(add, "--np", "do not preserve modes")
    program.switch(add, "--followlinks", "copy what links lead to")
    program.switch(add, "--cpifexists", "pass over sources that are not there")
    options = add.parse_args()
    found, destination = names(options.src), checked(options.dest)
    manner = Manner(follow=options.followlinks, keep_mode=not options.np, missing_ok=options.cpifexists)
    carried = asyncio.run(_copy(options.direction, found, destination, manner))
    program.say("FINE", f"{carried} files copied and verified")
    return 0


async def _copy(direction: str, found: tuple[str, ...], destination: str, manner: Manner) -> int:
    base = program.work_path()
    async with reach(program.login_node()) as machine:
        if direction == "push":
            return await push(machine, found, destination, base, manner)
        place = base / Path(destination).expanduser()
        return await pull(machine, found, place, manner, slash=destination.endswith("/"))
