"""From a session's folder to a running shim, and the line to it."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from pilothouse.headless.server.spool import Spool
from pilothouse.headless.shim.program import READY

_ROOT: Final = str(Path(__file__).parents[3])
_BOOT: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from pilothouse.headless.shim.program import main; sys.exit(main(sys.argv[2]))"
)
_PATIENCE: Final = 30.0  # seconds until a shim must have its lock and its worker
_AGAIN: Final = 0.05
_LAUNCHES: Final = 3


async def launch(spool: Spool) -> str:
    """Start a shim; returns '' once it holds its lock and its worker runs, else why it does not."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-c", _BOOT, _ROOT, str(spool.folder),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(_PATIENCE):
            said, trouble = await process.communicate()
    except TimeoutError:
        return "the shim did not come up"
    if said == READY:
        return ""
    lines = trouble.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "the shim ended at once"


async def bring_up(spool: Spool, session: str) -> str:
    """Start a session's shim, and again if it does not come up; returns '' or why none does."""
    await asyncio.to_thread(spool.append, session, "session-state", state="starting")
    why = ""
    for _ in range(_LAUNCHES):
        why = await launch(spool)
        if not why:
            return ""
        await asyncio.sleep(_AGAIN)
    return f"it could not be launched: {why}"


class Line:
    """The connection to a shim: what it says, and orders to it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def said(self) -> AsyncIterator[dict[str, Any]]:
        """Yield what it says of itself until the connection ends."""
        with contextlib.suppress(OSError, ValueError):
            while line := await self._reader.readline():
                found: dict[str, Any] = json.loads(line)
                yield found

    def order(self, **order: str) -> None:
        """Tell it to do something."""
        self._writer.write(json.dumps(order).encode() + b"\n")

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def connect(spool: Spool) -> Line | None:
    """Return a line to the shim, None once it is gone."""
    while True:
        try:
            made = await asyncio.to_thread(spool.control)
        except OSError:
            if not await asyncio.to_thread(spool.is_alive):
                return None
            await asyncio.sleep(_AGAIN)  # it is on its way up, or down
            continue
        return Line(*await asyncio.open_unix_connection(sock=made))
