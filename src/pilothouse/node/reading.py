"""Files in directories of partitions' users, read by somebody who may read more than they may.

No link is followed, nothing is waited for, and only so much is read: a user may put anything there.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_LARGEST: Final = 4 * 1024 * 1024  # as JSON it may become thirty times as much in memory


def content(path: Path | str, *, owner: int | None = None, below: int | None = None) -> bytes | None:
    """Return what a plain file holds, None when there is no plain file. Raises OSError for one that is too large.

    With ``owner`` a file of any other user says nothing. ``below`` is a directory that is held open.
    """
    found = _read(path, owner, below)
    return None if found is None else found[0]


def text(path: Path) -> str | None:
    """Return the text of a plain file, None when there is none, or one that is too large to be what was asked for."""
    found = dated(path)
    return None if found is None else found[0]


def dated(path: Path) -> tuple[str, float] | None:
    """Return the text of a plain file and when it was written, in seconds; None as for ``text``."""
    try:
        found = _read(path)
    except OSError:
        return None
    return None if found is None else (found[0].decode("utf-8", "replace"), found[1])


@contextlib.contextmanager
def held(folder: Path, *names: str) -> Iterator[int]:
    """Hold a directory below another one open; no link on the way from there is followed. Raises OSError."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    at = os.open(folder, flags)
    try:
        for name in names:
            below = os.open(name, flags | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = below
        yield at
    finally:
        os.close(at)


def _read(path: Path | str, owner: int | None = None, below: int | None = None) -> tuple[bytes, float] | None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, dir_fd=below)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or owner not in {None, status.st_uid}:
            return None
        if status.st_size > _LARGEST:
            raise OSError(f"{path} is larger than {_LARGEST} bytes")
        # what is appended meanwhile is left for the next time
        return os.read(descriptor, status.st_size + 1), status.st_mtime
    finally:
        os.close(descriptor)
