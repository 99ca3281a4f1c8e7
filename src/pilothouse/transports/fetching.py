"""Reading a file of a node as the user as whom its operations run, who need not be the login's."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from pilothouse.errors import TargetError
from pilothouse.transports.contract import Launch, Process, Sink

_MODE: Final = 0o7777
_SHOWN: Final = 300
_MUCH: Final = 1 << 22
_SCRIPT: Final = (
    'm=$(stat -L -c %a "$1" 2>/dev/null || stat -L -f %Lp "$1") || exit 1; '
    'if [ ! -f "$1" ]; then echo "it is no file"; exit 1; fi; exec 3<"$1" || exit 1; echo "$m"; exec cat <&3'
)

Starter = Callable[[Launch, Sink], Awaitable[Process]]
"""Starts an operation on the node, as a connection does."""


async def fetch(start: Starter, where: str, remote: str, local: str) -> None:
    """Copy a file from there by an operation that prints it, mode kept. Raises TransportError, OSError."""
    token = os.urandom(8).hex()
    launch = Launch(
        token=token,
        folder=f"/tmp/autoexec-copy-{token}",  # noqa: S108 - the transport makes it private and checks it
        argv=("sh", "-c", _SCRIPT, "sh", remote),
    )
    stream = await asyncio.to_thread(Path(local).open, "wb")
    try:
        arriving = _Arriving()
        process = await start(launch, arriving.take)
        arriving.process = process
        ended = asyncio.ensure_future(process.exited())
        try:
            ended.add_done_callback(lambda _: arriving.end())
            while block := await arriving.next():
                await asyncio.to_thread(stream.write, block)
            code = (await ended).code
        except BaseException:
            ended.cancel()
            await process.abort()
            raise
        await process.settle(clean=True)
        if code:
            raise TargetError(f"{where}: the copy failed: {remote}: {arriving.said or f'exit code {code}'}")
        mode = int(arriving.head, 8) & _MODE
    finally:
        await asyncio.to_thread(stream.close)
    await asyncio.to_thread(Path(local).chmod, mode)


class _Arriving:
    """What has come and is not written yet: first a line with the mode, then the content."""

    def __init__(self) -> None:
        self.process: Process | None = None
        self.head = ""
        self._began = False
        self._ended = False
        self._held = bytearray()
        self._more = asyncio.Event()

    @property
    def said(self) -> str:
        """What a failed attempt said instead."""
        return f"{self.head} {bytes(self._held[-_SHOWN:]).decode('utf-8', 'replace')}".strip()

    def take(self, data: bytes) -> None:
        self._held += data
        if len(self._held) > _MUCH and self.process is not None:
            self.process.pause_reading()
        self._more.set()

    def end(self) -> None:
        self._ended = True
        self._more.set()

    async def next(self) -> bytes:
        """Return what has come since; nothing at the end."""
        while not self._ended or self._held:
            if not self._began and b"\n" in self._held:
                head, _, rest = self._held.partition(b"\n")
                self.head, self._held, self._began = head.decode("ascii", "replace"), bytearray(rest), True
            if self._began and self._held:
                block, self._held = bytes(self._held), bytearray()
                if self.process is not None:
                    self.process.resume_reading()
                return block
            if self._ended:
                break
            self._more.clear()
            await self._more.wait()
        return b""
