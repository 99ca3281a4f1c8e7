"""Log files of single pieces of work, beside the log of the whole pass; each thread has its own."""

import contextlib
import logging
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pilothouse.node.errors import NodeError
from pilothouse.node.identity import Identity

_log = logging.getLogger("slapos")
_LARGEST: Final = 20 * 1024 * 1024
_FORM: Final = "[%(asctime)s] %(levelname)s %(name)s %(message)s"


class _Mine(logging.Filter):
    """Lets through what the thread says that made it."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        return record.thread == self._thread


@contextlib.contextmanager
def attached(descriptor: int) -> Iterator[None]:
    """Send what this thread logs to an open file as well; the file is closed at the end.

    A disk that is full costs lines of the log, not the work that they tell of.
    """
    file = os.fdopen(descriptor, "a", encoding="utf-8", buffering=1)
    handler = logging.StreamHandler(file)
    handler.setFormatter(logging.Formatter(_FORM))
    handler.addFilter(_Mine())
    _log.addHandler(handler)
    try:
        yield
    finally:
        _log.removeHandler(handler)
        with contextlib.suppress(OSError):
            file.close()


def open_log(path: Path) -> int:
    """Open a log of the node's own, in a folder where nobody else writes; a large one is moved aside."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size >= _LARGEST:
            path.replace(path.with_name(f"{path.name}.1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)


def open_below(folder: Path, parts: tuple[str, ...], who: Identity) -> int:
    """Open a log in a directory of a partition's user, who must not lead a privileged writer elsewhere.

    No link is followed. Directories that are missing are made (0755, the last one 0700) and given to the user.
    """
    *names, last = parts
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for number, name in enumerate(names):
            below = _folder(at, name, 0o700 if number == len(names) - 1 else 0o755, who)
            os.close(at)
            at = below
        return _file(at, last, who)
    finally:
        os.close(at)


def _folder(at: int, name: str, mode: int, who: Identity) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(name, flags, dir_fd=at)
    except FileNotFoundError:
        os.mkdir(name, mode, dir_fd=at)
        made = os.open(name, flags, dir_fd=at)
        os.fchmod(made, mode)
        _give(made, who)
        return made


def _file(at: int, name: str, who: Identity) -> int:
    with contextlib.suppress(FileNotFoundError):
        if os.stat(name, dir_fd=at, follow_symlinks=False).st_size >= _LARGEST:
            os.replace(name, f"{name}.1", src_dir_fd=at, dst_dir_fd=at)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    made = os.open(name, flags, 0o644, dir_fd=at)
    status = os.fstat(made)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        os.close(made)
        raise NodeError(f"{name} of a partition is no file of its own; remove it")
    _give(made, who)
    return made


def _give(descriptor: int, who: Identity) -> None:
    if who.drops:
        os.fchown(descriptor, who.uid, who.gid)
