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
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or owner not in {None, status.st_uid}:
            return None
        if status.st_size > _LARGEST:
            raise OSError(f"{path} is larger than {_LARGEST} bytes")
        return file.read(_LARGEST)


def text(path: Path) -> str | None:
    """Return the text of a plain file, None when there is none."""
    found = content(path)
    return None if found is None else found.decode("utf-8", "replace")
