"""Files that survive: written beside and renamed, private when asked, confined to their folder."""

import os
import tempfile
from pathlib import Path
from typing import Final

from pilothouse.errors import UsageError

_KEPT: Final = 32  # of a name in its temporary file's name, which must not become too long itself


def write_atomic(path: Path, content: bytes, *, mode: int = 0o644, durable: bool = False) -> None:
    """Replace ``path`` by ``content`` so that a reader sees the old file or the new one, never a part.

    With ``durable`` the content and the rename have reached the disk on return. The parent folder is
    created. Raises OSError, and leaves the old file and no other, when the disk refuses.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:_KEPT]}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(content)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the folder's entries (creations, renames) reach the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def confine(root: Path, *parts: str) -> Path:
    """Return the path of ``parts`` below ``root``; raises UsageError when it would lie elsewhere."""
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
