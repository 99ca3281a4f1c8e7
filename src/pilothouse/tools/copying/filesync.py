"""``fileops/filesync``: a folder of a node kept like one of the runner; only what differs is carried."""

import asyncio

from pilothouse.errors import UsageError
from pilothouse.tools import program
from pilothouse.tools.copying import here
from pilothouse.tools.copying.copies import sync
from pilothouse.tools.copying.entries import checked
from pilothouse.tools.copying.machine import reach


def main() -> int:
    """Run the tool."""
    add = program.parser("Make a folder of a node like a folder of the runner, by checksums.")
    add.add_argument("--src", required=True)
    add.add_argument("--dest", required=True)
    program.switch(add, "--delete", "remove what the runner's folder does not have")
    options = add.parse_args()
    counts = asyncio.run(_sync(checked(options.src), checked(options.dest), delete=options.delete))
    program.say("FINE", ", ".join(f"{count} {word}" for word, count in counts.items()))
    program.save({"syncResult": counts})
    return 0


async def _sync(source: str, destination: str, *, delete: bool) -> dict[str, int]:
    base = program.work_path()
    if not (base / source).is_dir():
        raise UsageError(f"--src: {base / source} is no folder")
    found = await asyncio.to_thread(here.sources, (source,), base, follow=False, missing_ok=False)
    async with reach(program.login_node()) as machine:
        return await sync(machine, found[0], destination, delete=delete)
