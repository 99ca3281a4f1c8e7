"""The files of one SQL file: its copy, its log with the histories, its status, and the lock while it runs."""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import msgspec

from pilothouse.errors import UsageError
from pilothouse.files import confine, replace_link
from pilothouse.tools.sql import status as states
from pilothouse.tools.sql.status import State, Status

_FILES = "file"


class Record:
    """What is kept of an SQL file in a phase for one database; ``name`` is relative to ``file/``.

    ``tell`` hears of every change of the status.
    """

    def __init__(
        self, root: Path, phase: str, key: str, name: str, tell: Callable[[Status], object] = lambda _: None
    ) -> None:
        self._tell = tell
        self.name = name.removeprefix(f"{_FILES}/")
        self._source = confine(root / _FILES, self.name)
        self.copy = confine(root / "sqlfile" / phase, self.name)
        self.log = confine(root / "log" / phase / key, f"{self.name}.txt")
        self.status_file = confine(root / "status" / phase / key, f"{self.name}.txt")
        self.status = states.read(self.status_file)

    def take(self) -> bytes:
        """Return the file's content, its copy below ``sqlfile`` renewed. Raises UsageError when there is none."""
        if self._source.is_file():
            replace_link(self._source.resolve(), self.copy)
        if not self.copy.is_file():
            raise UsageError(f"{self.name}: there is no such file in {self._source.parent}")
        return self.copy.read_bytes()

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Hold the file while it runs; yields whether another process holds it already."""
        lock = self.status_file.with_name(f".{self.status_file.name}.lock")
        lock.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield True
            else:
                yield False
        finally:
            os.close(descriptor)

    def change(self, **fields: object) -> None:
        """Write the status with some of its fields changed."""
        self.status = msgspec.structs.replace(self.status or Status(), **fields)
        states.write(self.status_file, self.status)
        self._tell(self.status)

    def tell_again(self) -> None:
        """Tell how the file stands, for whoever may have missed it."""
        if self.status is not None:
            self._tell(self.status)

    @contextmanager
    def logged(self, user: str) -> Iterator["Log"]:
        """Begin a new log; its history is linked as running, and named by the status in the end."""
        histories = self.log.with_suffix(".hislog")
        histories.mkdir(parents=True, exist_ok=True)
        for stale in histories.glob("*.running.*.txt"):
            stale.rename(stale.with_name(stale.name.replace(".running.", ".aborted.")))
        self.log.unlink(missing_ok=True)
        plain = "".join(c if c.isalnum() or c in "-_@" else "_" for c in user) or "anonymous"
        history = histories / f"{time.strftime('%Y%m%d-%H%M%S')}.running.{plain}.txt"
        with self.log.open("x", encoding="utf-8", errors="backslashreplace") as stream:
            history.unlink(missing_ok=True)
            history.hardlink_to(self.log)
            try:
                yield Log(stream)
            finally:
                word: State = self.status.status if self.status else "aborted"
                history.rename(history.with_name(history.name.replace(".running.", f".{word}.")))


class Log:
    """Lines with the time in front, as logs of nodes have them."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write a line, or several."""
        now = time.strftime("%H:%M:%S ")
        self._stream.writelines(f"{now}{line}\n" for line in text.split("\n"))
        self._stream.flush()


def md5(content: bytes) -> str:
    """Return the MD5 by which a changed file is known (compat; not for protection)."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
