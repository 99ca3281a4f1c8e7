"""The events of a session, numbered from 1 without gaps and never changed (headless I3, 12)."""

import contextlib
import json
import os
import time
from typing import Any, Final

from pilothouse.headless.shim.layout import EVENTS, RESERVE

_RESERVED: Final = 65536
_RETRY: Final = 1.0  # seconds between two looks whether a full disk has room again
_DURABLE: Final = frozenset({"job-state", "session-state", "session-end", "result"})


class EventLog:
    """The one writer of ``events.jsonl``; its owner holds the session's lock, or is sure that nobody does.

    The number of an event is the number of its line. An event that the disk refused is kept and written before the
    next one; only output is given up then, and counted.
    """

    def __init__(self, folder: int, session: str) -> None:
        self._folder = folder
        self._session = session
        self._file = os.open(EVENTS, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600, dir_fd=folder)
        self._size, self.last = _sound(self._file)
        self._owed: list[dict[str, Any]] = []
        self._dropped = 0
        self._cramped_since: float | None = None

    def reserve(self) -> bool:
        """Keep room on the disk for the states that a full one must not swallow; returns whether there is."""
        try:
            file = os.open(RESERVE, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600, dir_fd=self._folder)
            try:
                os.posix_fallocate(file, 0, _RESERVED)
            finally:
                os.close(file)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(RESERVE, dir_fd=self._folder)
            return False
        return True

    def append(self, name: str, **fields: Any) -> bool:
        """Write an event; returns whether it and all before it are in the file now."""
        event = {"#name": name, "session": self._session, "t": moment(time.time()), **fields}
        if (name == "log" and self._is_cramped()) or not self._settle(report=name != "log"):
            self._put_off(event)
            return False
        if self._write(event) or (self._give_room() and name != "log" and self._write(event)):
            return True
        self._put_off(event)
        return False

    def complete(self) -> bool:
        """Try to write what is owed; returns whether nothing is."""
        return self._settle(report=bool(self._owed) or not self._is_cramped())

    def close(self) -> None:
        """Close the file and give back the reserve."""
        os.close(self._file)
        with contextlib.suppress(OSError):
            os.unlink(RESERVE, dir_fd=self._folder)

    def _settle(self, *, report: bool) -> bool:
        if self._dropped and report:  # before whatever comes, so that the last event stays the last
            text = f"{self._dropped} lines of output were lost: the disk of the spool was full"
            lost = {"#name": "info", "session": self._session, "t": moment(time.time()), "level": "warn", "#text": text}
            if not self._write(lost) and not (self._give_room() and self._write(lost)):
                return False
            self._dropped = 0
        while self._owed:
            if not self._write(self._owed[0]) and not (self._give_room() and self._write(self._owed[0])):
                return False
            del self._owed[0]
        return True

    def _put_off(self, event: dict[str, Any]) -> None:
        if event["#name"] == "log":
            self._dropped += 1
        else:
            self._owed.append(event)

    def _write(self, event: dict[str, Any]) -> bool:
        line = json.dumps({"#name": event["#name"], "ev": self.last + 1, **event}).encode() + b"\n"
        try:
            written = os.pwrite(self._file, line, self._size)
            while written < len(line):
                written += os.pwrite(self._file, line[written:], self._size + written)
            if event["#name"] in _DURABLE:
                os.fdatasync(self._file)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
            return False
        self._size += len(line)
        self.last += 1
        return True

    def _give_room(self) -> bool:
        try:
            os.unlink(RESERVE, dir_fd=self._folder)
        except OSError:
            return False
        self._cramped_since = time.monotonic()
        return True

    def _is_cramped(self) -> bool:
        """Whether the disk was full and is: only states are written then."""
        if self._cramped_since is not None and time.monotonic() >= self._cramped_since + _RETRY:
            self._cramped_since = None if self.reserve() else time.monotonic()
        return self._cramped_since is not None


def moment(seconds: float) -> str:
    """Return a time as RFC 3339 in UTC with milliseconds."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds * 1000) % 1000:03}Z"


def _sound(file: int) -> tuple[int, int]:
    """Return size and number of whole lines, after cutting off what a crash left of another one."""
    size = lines = position = 0
    while chunk := os.pread(file, 1 << 20, position):
        count = chunk.count(b"\n")
        if count:
            lines += count
            size = position + chunk.rindex(b"\n") + 1
        position += len(chunk)
    if size < position:
        os.ftruncate(file, size)
    return size, lines
