"""Files of the control server: fetched once per runner, linked into the jobs that use them (spec section 10.1)."""

import asyncio
import contextlib
import fcntl
import json
import os
import re
import shutil
from collections.abc import AsyncIterator
from email.message import Message
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote

from pilothouse.controlserver import calls
from pilothouse.controlserver.client import Answer, Client
from pilothouse.controlserver.replies import ServerRefusedError
from pilothouse.engine.workspace import Workspace
from pilothouse.files import write_atomic

_POLL: Final = 0.05
_LINKS: Final = ".run/files.json"
_LONGEST: Final = 200


class FileCache:
    """The files in ``<data>/cache``, by the server's ids."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fetched: dict[int, asyncio.Task[str]] = {}
        self._linking = asyncio.Lock()

    async def link(self, client: Client, number: int, space: Workspace) -> str:
        """Bring a file into a run folder; returns its path there, ``file/<name>``.

        Each id is asked for once per process. Raises ServerUnavailableError, ServerRefusedError, OSError.
        """
        if number not in self._fetched:
            self._fetched[number] = asyncio.create_task(self._fetch(client, number))
        name = await asyncio.shield(self._fetched[number])
        async with self._linking:
            return await asyncio.to_thread(_link, self._folder / str(number), number, name, space)

    async def _fetch(self, client: Client, number: int) -> str:
        """Make the cached copy current; returns the file's name."""
        self._folder.mkdir(parents=True, exist_ok=True)
        cached, named = self._folder / str(number), self._folder / f"{number}.name"
        part = self._folder / f"{number}.tmp"
        async with _locked(self._folder / f"{number}.lock"):
            known = cached.is_file()
            query = {"id": str(number), "lastModified": str(cached.stat().st_mtime if known else 0)}
            try:
                answer = await client.get(calls.FILE, query, part)
                if not known and answer.unchanged:
                    raise ServerRefusedError(
                        f"file {number}", answer.status, "it says that a file never sent is unchanged"
                    )
                name = _name(answer) or (named.read_text("utf-8") if named.is_file() else "")
                if not name:
                    raise ServerRefusedError(f"file {number}", answer.status, "the answer gives the file no name")
                if not answer.unchanged:
                    part.replace(cached)
            finally:
                part.unlink(missing_ok=True)
            write_atomic(named, name.encode())
            # the time of change is the server's business, the time of access says when a job last used it
            os.utime(cached, (client.clock.time(), cached.stat().st_mtime))
            return name


@contextlib.asynccontextmanager
async def _locked(path: Path) -> AsyncIterator[None]:
    """Hold a lock file that other engines respect, waiting without blocking the event loop."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(_POLL)
        yield
    finally:
        os.close(descriptor)


def _name(answer: Answer) -> str:
    """Return the base name that an answer gives the file; nothing when it gives none."""
    given = answer.headers.get("content-disposition", "")
    message = Message()
    message["Content-Disposition"] = given
    return safe_name(unquote(message.get_filename() or ""))


def safe_name(text: str) -> str:
    """Return the last part of a path in either dialect, without control characters; nothing when none is left."""
    last = PurePosixPath(text.replace("\\", "/")).name
    clean = re.sub(r"[\x00-\x1f\x7f]", "_", last)
    while len(clean.encode("utf-8", "surrogateescape")) > _LONGEST:
        clean = clean[1:]
    return "" if clean in {".", ".."} else clean


def _link(cached: Path, number: int, name: str, space: Workspace) -> str:
    """Link a cached file into the run folder under its name, or under a name of its own when another file has it."""
    record = space.root / _LINKS
    taken: dict[str, int] = json.loads(record.read_bytes()) if record.is_file() else {}
    if taken.get(name, number) != number:
        stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix
        name = f"{stem}.{number}{suffix}"
    if taken.get(name) != number:
        write_atomic(record, json.dumps({**taken, name: number}).encode(), mode=0o600)
    target = space.root / "file" / name
    if not (target.is_file() and not target.is_symlink() and target.samefile(cached)):
        _place(cached, target)
    return f"file/{name}"


def _place(source: Path, target: Path) -> None:
    """Hard-link, or copy where the file systems differ; whatever stood there is replaced in one step."""
    beside = target.with_name(f".{target.name}.new")
    beside.unlink(missing_ok=True)
    try:
        beside.hardlink_to(source)
    except OSError:
        shutil.copy2(source, beside)
    beside.replace(target)
