"""Files in directories of partitions' users, read by somebody who may read more than they may.

No link is followed, nothing is waited for, and only so much is read: a user may put anything there.
"""

import os
import stat
from pathlib import Path
from typing import Final

_LARGEST: Final = 16 * 1024 * 1024


def content(path: Path, *, owner: int | None = None) -> bytes | None:
    """Return what a plain file holds, None when there is no plain file. Raises OSError for one that is too large.

    With ``owner`` a file of any other user says nothing.
    """
    found = _read(path, owner)
    return None if found is None else found[0]


def text(path: Path) -> str | None:
    """Return the text of a plain file, None when there is none."""
    found = _read(path)
    return None if found is None else found[0].decode("utf-8", "replace")


def dated(path: Path) -> tuple[str, float] | None:
    """Return the text of a plain file and when it was written, in seconds; None when there is none."""
    found = _read(path)
    return None if found is None else (found[0].decode("utf-8", "replace"), found[1])


def _read(path: Path, owner: int | None = None) -> tuple[bytes, float] | None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
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
