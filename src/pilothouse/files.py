"""Files that survive: written beside and renamed, private when asked, confined to their folder."""

import itertools
import os
from pathlib import Path
from typing import Final

from pilothouse.errors import UsageError

_STEPS: Final = frozenset({"", os.curdir, os.pardir})  # names that are none
_PRIVATE: Final = 0o600
# tells temporary files apart: from other machines', from other processes', from each other
_OURS: Final = os.urandom(4).hex()
_COUNT: Final = itertools.count()
_KEPT: Final = 32  # of a name in its temporary file's name, which must not become too long itself


def write_atomic(path: Path, content: bytes, *, mode: int = 0o644, durable: bool = False) -> None:
    """Replace ``path`` by ``content`` so that a reader sees the old file or the new one, never a part.

    With ``durable`` the content and the rename have reached the disk on return. The parent folder is
    created. Raises OSError with the file's name, and leaves the old file and no other, when the disk refuses.
    """
    # in words of the system: this runs several times for each node of a job, and the library's ways cost thrice as much
    folder, name = os.path.split(path)
    beside = os.path.join(folder, f".{name[:_KEPT]}.{_OURS}-{os.getpid():x}-{next(_COUNT):x}")  # noqa: PTH118
    try:
        _replace(path, beside, content, mode, durable=durable)
    except OSError as error:
        if error.filename in {None, beside}:
            error.filename = str(path)
        raise


def _replace(path: Path, beside: str, content: bytes, mode: int, *, durable: bool) -> None:
    descriptor = _create(beside, path.parent)
    try:
        try:
            if mode != _PRIVATE:
                os.fchmod(descriptor, mode)
            write_all(descriptor, content)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(beside, path)  # noqa: PTH104
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def write_all(descriptor: int, content: bytes) -> None:
    """Write the whole content; raises OSError when the disk takes only a part of it."""
    written = os.write(descriptor, content)
    while written < len(content):
        written += os.write(descriptor, content[written:])


def _create(path: str, folder: Path) -> int:
    """Make a new file, for its owner only, and the folder if it is missing; returns the descriptor."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags, _PRIVATE)
    except (FileNotFoundError, NotADirectoryError):
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, _PRIVATE)


def sync_folder(folder: Path) -> None:
    """Make the folder's entries (creations, renames) reach the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def confine(root: Path, *parts: str) -> Path:
    """Return the path of ``parts`` below ``root``; raises UsageError when it would lie elsewhere."""
    if parts and not any(part in _STEPS or "/" in part or "\0" in part for part in parts):
        return root.joinpath(*parts)
    base = os.path.normpath(root)
    below = os.path.relpath(os.path.normpath(root.joinpath(*parts)), base)
    if below in {os.curdir, os.pardir} or below.startswith(os.pardir + os.sep) or "\0" in below:
        raise UsageError(f"{'/'.join(parts)!r} leads out of {root}; give a name below it")
    return root / below


def replace_link(source: Path, target: Path) -> None:
    """Make ``target`` a further hard link of ``source``, in place of whatever it was."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name[:_KEPT]}.link")
    beside.unlink(missing_ok=True)
    beside.hardlink_to(source)
    beside.replace(target)
