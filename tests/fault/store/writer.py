"""A process that requests instances without end and says which were answered, until it is killed."""

import asyncio
import sys

from tests.masters import Site

from pilothouse.store.database import open_store


async def main(where: str) -> None:
    """Request in crowds of ten; print each title once it is answered."""
    site = Site(await open_store(where))

    async def one(number: int) -> None:
        made = await site.request(f"i{number}", "c1")
        sys.stdout.write(f"{made.title} {made.guid} {made.partition}\n")
        sys.stdout.flush()

    number = 0
    while True:
        await asyncio.gather(*(one(number + each) for each in range(10)))
        number += 10


asyncio.run(main(sys.argv[1]))
