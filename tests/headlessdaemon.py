"""The server of headless batches as a process, its sessions' processes, and what is left of them on the disk."""

import asyncio
import fcntl
import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.headlessserver import Server

from pilothouse.headless import messages
from pilothouse.headless.server.spool import Spool
from pilothouse.headless.shim.descendants import marked


class Daemon:
    """The command, killed and started again on one database."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.process: asyncio.subprocess.Process | None = None

    async def begin(self, **settings: str) -> None:
        settings = {"headless_shared_account": "true", **settings}
        environment = {**os.environ, **{f"PILOTHOUSE_{name.upper()}": text for name, text in settings.items()}}
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pilothouse.cli.main", "headless", "serve", "--data", str(self.server.folder),
            "--listen", f"127.0.0.1:{self.server.port}",
            stderr=asyncio.subprocess.PIPE, env=environment,
        )  # fmt: skip
        self.server.processes.append(self.process)
        assert self.process.stderr is not None
        said = b""
        async with asyncio.timeout(20):
            while b"listening" not in said:
                said = await self.process.stderr.readline()
                assert said, "the server ended"

    async def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        await self.process.communicate()

    async def stop(self) -> int | None:
        assert self.process is not None
        self.process.terminate()
        await self.process.communicate()
        return self.process.returncode


def worker_of(sid: str) -> int:
    """Return the process that runs the session's jobs: the one that leads what is marked."""
    found = marked(f"PLANTA_SESSION={sid}")
    return next(
        pid for pid in found if os.getsid(pid) == pid and Path(f"/proc/{pid}/cmdline").read_bytes().count(b"-I")
    )


def shim_of(sid: str) -> int:
    return int(Path(f"/proc/{worker_of(sid)}/stat").read_text().rpartition(")")[2].split()[1])


def shims_coming_up(sid: str) -> list[int]:
    """Return the processes that were started as the session's shim, whether or not they have its lock."""
    found = []
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            try:
                words = (each / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if any(word.endswith(sid.encode()) for word in words):
                found.append(int(each.name))
    return found


def hold_lock(folder: Path) -> int:
    """Take a session's lock, so that its shim waits for it; closing what is returned lets it go on."""
    lock = os.open(folder / "shim.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def kill(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def whole(server: Server, sid: str) -> list[Any]:
    """Return the events, which are numbered without a gap and end with one end."""
    events = list(Spool(server.spools / sid).events())
    assert [event.ev for event in events] == list(range(1, len(events) + 1))
    assert [type(event) for event in events].count(messages.SessionEnd) == 1
    assert isinstance(events[-1], messages.SessionEnd)
    return events
