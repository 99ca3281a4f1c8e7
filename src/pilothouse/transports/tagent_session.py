"""The processes of one Tagent connection: who they run as, where their output goes, how they end."""

import asyncio
import contextlib
import os
import pwd
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from pilothouse.transports.tagent_wire import WireError

_BLOCK: Final = 65536
# what was forked while the others were looked for
_ROUNDS: Final = 2
_NOBODY: Final = frozenset({"", "none"})
_PATHS: Final = frozenset({"PATH", "LD_LIBRARY_PATH", "LIBPATH", "PERL5LIB", "PYTHONPATH"})


class Account(msgspec.Struct, frozen=True):
    """Whom a request runs as; ``switch`` holds the arguments that make a process change to that user."""

    environment: dict[str, str]
    folder: str
    switch: dict[str, Any] = {}


def account(user: str, environ: Mapping[str, str]) -> Account:
    """Return the account for a request (spec section 7.5); only root changes to others. Raises WireError."""
    own = pwd.getpwuid(os.geteuid())
    if os.geteuid() != 0 or user in {own.pw_name, *_NOBODY}:
        return Account(dict(environ), environ.get("HOME") or own.pw_dir)
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise WireError(f"user {user!r} does not exist here") from None
    names = {"HOME": entry.pw_dir, "USER": user, "LOGNAME": user, "SHELL": entry.pw_shell or "/bin/sh"}
    groups = os.getgrouplist(user, entry.pw_gid)
    switch = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": groups}
    home = entry.pw_dir if Path(entry.pw_dir).is_dir() else "/"
    return Account({**environ, **names}, home, switch)


def added(environment: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with a request's own: paths go in front of what is there, others replace it."""
    joined = {
        name: f"{value}{os.pathsep}{environment[name]}" if name in _PATHS and environment.get(name) else value
        for name, value in changes.items()
    }
    return {**environment, **joined}


class Session:
    """A process and its descendants in a session of their own; ``output`` is both streams in order."""

    def __init__(self, process: asyncio.subprocess.Process, output: asyncio.StreamReader) -> None:
        self.process = process
        self.output = output

    async def ended(self) -> int:
        """Return the exit code: 128 + n for signal n."""
        code = await self.process.wait()
        return code if code >= 0 else 128 - code

    def kill(self) -> None:
        """End every process of the session, whatever group it is in; nothing once its leader has ended."""
        for _ in range(_ROUNDS if self.process.returncode is None else 0):
            for pid in _members(self.process.pid):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)


async def start(
    words: Sequence[str], who: Account, changes: Mapping[str, str] | None = None, *, fed: bool = False
) -> tuple[Session, asyncio.ReadTransport]:
    """Start a process; with ``fed`` its input is open. The transport is to be closed. Raises WireError."""
    reader, writer = os.pipe()
    loop = asyncio.get_running_loop()
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE if fed else asyncio.subprocess.DEVNULL,
            stdout=writer,
            stderr=writer,
            cwd=who.folder,
            env=added(who.environment, changes or {}),
            start_new_session=True,
            **who.switch,
        )
    except OSError as error:
        os.close(reader)
        raise WireError(f"{words[0]} cannot be started: {error.strerror}") from None
    finally:
        os.close(writer)
    stream = asyncio.StreamReader(_BLOCK)
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reader, "rb", buffering=0)
    )
    return Session(process, stream), transport


def _members(session: int) -> list[int]:
    found: list[int] = []
    if not Path("/proc/self/stat").exists():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(session, signal.SIGKILL)
        return found
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = (entry / "stat").read_text("utf-8", "replace").rpartition(") ")[2].split()
                if int(fields[3]) == session:
                    found.append(int(entry.name))
    return found
