"""What the tests of the transports share: operations on a real machine, and a look at its process table."""

import asyncio
import contextlib
import itertools
import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pilothouse.jobs.nodes import Node
from pilothouse.transports.contract import Connection, Exit, Launch, Process, Transport

_TOKENS = itertools.count(1)


class Machine:
    """A transport, the node it leads to, and a folder for operations there; ``kind`` tells the transports apart."""

    def __init__(self, transport: Transport, node: Node, home: Path, kind: str = "") -> None:
        self.transport = transport
        self.kind = kind
        self.node = node
        self.folder = home / "job"

    def launch(self, *argv: str, **fields: Any) -> Launch:
        """Return a launch with a token of its own."""
        return Launch(**{"token": f"t-{next(_TOKENS)}", "folder": str(self.folder), "argv": argv, **fields})

    def shell(self, script: str, **fields: Any) -> Launch:
        """Return the launch of a script."""
        return self.launch("sh", "-c", script, **fields)

    async def run(self, launch: Launch, connection: Connection | None = None) -> tuple[Exit, bytes]:
        """Run an operation to its settled end; return how it ended and what it wrote."""
        output = bytearray()
        own = connection or await self.transport.connect(self.node)
        try:
            process = await own.start(launch, output.extend)
            async with asyncio.timeout(180):
                ended = await process.exited()
                await process.settle(clean=True)
        finally:
            if connection is None:
                await own.close()
        return ended, bytes(output)


async def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for a condition, and fail when it does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {seconds} s"
        await asyncio.sleep(0.02)


async def known_group(process: Process) -> int:
    """Return the process group once the machine has told it."""
    await until(lambda: process.group is not None)
    assert process.group is not None
    return process.group


def alive(group: int) -> list[int]:
    """Return the processes of the group, or of the session it leads, that are no zombies."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state, _, pgrp, session = (entry / "stat").read_text("utf-8", "replace").rpartition(") ")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if state not in "ZX" and str(group) in (pgrp, session):
            found.append(int(entry.name))
    return found


def nap() -> str:
    """Return a command that outlasts every test; nobody else on this machine runs the same."""
    return f"sleep 4711.{uuid.uuid4().int % 10**15:015}"


def running(command: str) -> list[int]:
    """Return the processes that run just this command."""
    return [pid for pid, line in _command_lines() if line.split("\0")[:-1] == command.split()]


def marked(text: str) -> list[int]:
    """Return the processes whose command line holds a text, this one left out."""
    return [pid for pid, line in _command_lines() if text in line and pid != os.getpid()]


def _command_lines() -> Iterator[tuple[int, str]]:
    """Yield every process with its words, each of which ends with a NUL; zombies have none."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                yield int(entry.name), (entry / "cmdline").read_bytes().decode("utf-8", "replace")
