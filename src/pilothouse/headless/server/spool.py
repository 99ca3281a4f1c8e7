"""The folders of sessions: made before a session is accepted, read by whoever follows it (headless 12)."""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import msgspec

from pilothouse.files import sync_folder, write_atomic
from pilothouse.headless.messages import Event, JobState
from pilothouse.headless.server.identifiers import is_sid
from pilothouse.headless.server.removal import remove_tree
from pilothouse.headless.shim.eventlog import EventLog
from pilothouse.headless.shim.layout import (
    CONTROL,
    EVENTS,
    HELD,
    LOCK,
    PLAN,
    RESULT,
    WORK,
    Held,
    JobEnd,
    Plan,
    Result,
    without_parameters,
)
from pilothouse.headless.shim.lock import take

_CHUNK: Final = 256 * 1024
_TAIL: Final = 65536  # more than the last event can have
_PRIVATE: Final = 0o700
_event = msgspec.json.Decoder(Event)


class Spool:
    """The folder of one session. Everything here blocks: call it in a thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, plan: Plan) -> None:
        """Make the folder with its plan; it is on the disk on return. Raises OSError."""
        self.folder.mkdir(mode=_PRIVATE, parents=True)
        work = self.folder / WORK
        work.mkdir(mode=_PRIVATE)
        account = plan["account"]
        if account["uid"] is not None:
            os.chown(work, account["uid"], account["gid"])
        write_atomic(self.folder / PLAN, json.dumps(plan).encode(), mode=0o600, durable=True)
        (self.folder / EVENTS).touch(mode=0o600)
        sync_folder(self.folder)
        sync_folder(self.folder.parent)

    def remove(self) -> None:
        """Delete the folder."""
        remove_tree(self.folder)

    @property
    def exists(self) -> bool:
        """Whether it is still kept."""
        return (self.folder / EVENTS).exists()

    def is_alive(self) -> bool:
        """Whether a shim holds its lock."""
        try:
            lock = os.open(self.folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def result(self) -> Result | None:
        """Return what the shim left, None when it left nothing."""
        try:
            found: Result = json.loads((self.folder / RESULT).read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return found

    def held(self) -> Held | None:
        """Return by what the session's limits are held, None before its shim is up."""
        try:
            found: Held = json.loads((self.folder / HELD).read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return found

    def append(self, session: str, name: str, **fields: object) -> None:
        """Write an event; only while no shim does. A full disk loses it."""
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            log = EventLog(folder, session)
            log.append(name, **fields)
            log.close()
        finally:
            os.close(folder)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock, so that no shim comes up meanwhile; raises BlockingIOError when one is up."""
        lock = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            take(lock)
            yield
        finally:
            os.close(lock)

    def leave(self, result: Result) -> None:
        """Write the result in a shim's place; one that comes up late finds it and goes. A full disk loses it."""
        with contextlib.suppress(OSError):
            write_atomic(self.folder / RESULT, json.dumps(result).encode(), mode=0o600, durable=True)

    def close(self, session: str, result: Result) -> None:
        """Write the last events of a session whose shim did not; only while no shim is up."""
        if not self.exists or self._ended():
            return
        self._forget()
        known = self.job_states(len(result["jobs"]))
        for number, (before, end) in enumerate(zip(known, result["jobs"], strict=True), 1):
            if before["state"] != end["state"]:
                reason = {"#text": end["reason"]} if end["reason"] else {}
                self.append(session, "job-state", job=number, state=end["state"], **reason)
        states = [end["state"] for end in result["jobs"]]
        failed = states.count("failed") + states.count("cancelled")
        self.append(
            session, "session-end", state=result["state"], jobs=len(states), ok=states.count("ok"), failed=failed,
            skipped=states.count("skipped"), duration=round(max(0.0, result["ended"] - result["started"]), 3),
            **({"#text": result["reason"]} if result["reason"] else {}),
        )  # fmt: skip

    def _forget(self) -> None:
        """Leave no value of a parameter of a session that did not run, or whose shim did not come to it."""
        with contextlib.suppress(OSError, ValueError):
            plan: Plan = json.loads((self.folder / PLAN).read_bytes())
            if (kept := without_parameters(plan)) != plan:
                write_atomic(self.folder / PLAN, json.dumps(kept).encode(), mode=0o600)

    def job_states(self, count: int) -> list[JobEnd]:
        """Return how the jobs stood by the last event that tells of them."""
        ends = [JobEnd(state="waiting", rc=None, signal="", reason="", started=None, ended=None) for _ in range(count)]
        for event in self.events():
            if isinstance(event, JobState) and event.job <= count:
                end = ends[event.job - 1]
                end["state"], end["rc"], end["signal"] = event.state, event.rc, event.signal or ""
                end["reason"] = event.text
        return ends

    def events(self) -> Iterator[Event]:
        """Return all events that are whole."""
        cursor = Cursor(self.folder, 1)
        while found := cursor.read():
            for _, line in found:
                yield _event.decode(line)

    def control(self) -> socket.socket:
        """Return a connection to the shim. Raises OSError when there is none."""
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        made = socket.socket(socket.AF_UNIX)
        try:
            # the way around the short names that sockets may have
            made.connect(f"/proc/self/fd/{folder}/{CONTROL}")
            made.setblocking(False)
        except OSError:
            made.close()
            raise
        finally:
            os.close(folder)
        return made

    def last(self) -> int:
        """Return the number of the last event."""
        count = 0
        with (self.folder / EVENTS).open("rb") as file:
            while chunk := file.read(_CHUNK):
                count += chunk.count(b"\n")
        return count

    def _ended(self) -> bool:
        with (self.folder / EVENTS).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            tail = file.read().rstrip(b"\n").rpartition(b"\n")[2]
        return b'"session-end"' in tail


def sweep(spools: Path, live: Collection[str]) -> None:
    """Delete the folders of starts that were never recorded; ``live`` are the sessions that have not ended."""
    if not spools.is_dir():
        return
    for folder in spools.iterdir():
        if not is_sid(folder.name) or folder.name in live:
            continue
        spool = Spool(folder)
        if spool.result() is None and not spool.is_alive() and (not spool.exists or spool.last() == 0):
            spool.remove()


class Cursor:
    """Reads the events of a session from one number on, as many as there are, again and again."""

    def __init__(self, folder: Path, start: int) -> None:
        self._file = folder / EVENTS
        self._next = 1
        self._start = start
        self._position = 0

    def read(self) -> list[tuple[int, bytes]]:
        """Return whole lines with their numbers, up to some hundred KiB; nothing when there is nothing new."""
        while True:
            with self._file.open("rb") as file:
                file.seek(self._position)
                chunk = file.read(_CHUNK)
                while b"\n" not in chunk and (more := file.read(_CHUNK)):  # a result can be long
                    chunk += more
            end = chunk.rfind(b"\n") + 1
            if not end:
                return []
            lines = chunk[:end].splitlines()
            first, self._next = self._next, self._next + len(lines)
            self._position += end
            if found := [(number, line) for number, line in enumerate(lines, first) if number >= self._start]:
                return found


def event_of(line: bytes) -> Event:
    """Return an event as it is stored."""
    found: Event = _event.decode(line)
    return found
