"""The directory of a release comes and goes in one step, whatever kills the pass meanwhile (node spec, section 5.1).

A new one is made beside, with the mark that no instance may use it, and renamed. One that is to go is renamed first
and then removed, so that what is half removed is never taken for a release. What a killed pass left beside is removed
by the next one.
"""

import contextlib
import logging
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pilothouse.files import write_atomic
from pilothouse.node import identity, locks
from pilothouse.node.errors import NodeError
from pilothouse.node.layout import NodePlace, SoftwarePlace
from pilothouse.node.removal import remove

_log = logging.getLogger("slapos")
_BESIDE: Final = re.compile(r"\.([0-9a-f]{32})\.(new|old|incoming|outgoing)")
_MARK: Final = b"The build of this release has begun and not ended well yet; no instance may use it.\n"


def make(place: SoftwarePlace, owner: identity.Identity) -> None:
    """Make the directory, marked as unfinished. Raises OSError."""
    with private(place, "new") as inside:
        new = inside / place.md5
        new.mkdir(mode=0o755)
        new.chmod(0o755)
        mark(new / place.unfinished.name, owner)
        identity.give(new, owner)
        new.rename(place.folder)


def mark(path: Path, owner: identity.Identity) -> None:
    """Say that a build is under way, durably: a build that is cut short must not be taken for a whole one."""
    write_atomic(path, _MARK, durable=True)
    identity.give(path, owner)


def take_away(folder: Path) -> None:
    """Take a release out of sight at a stroke, then remove it. Raises OSError when something stays."""
    if folder.is_symlink() or not folder.exists():
        remove(folder)
        return
    old = folder.with_name(f".{folder.name}.old")
    remove(old)
    folder.rename(old)
    remove(old)


@contextlib.contextmanager
def private(place: SoftwarePlace, kind: str) -> Iterator[Path]:
    """Make a directory beside a release that nobody else may enter, and remove it in the end; yields its path.

    The path is that of what is held open, because the owner of the software root may rename what lies there. Kinds
    are ``new``, ``incoming`` and ``outgoing``. Raises NodeError when it was exchanged already, OSError.
    """
    folder = place.root / f".{place.md5}.{kind}"
    remove(folder)
    folder.mkdir(0o700)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
            raise NodeError(f"{folder} is not the directory that was made a moment ago; see who changes it")
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
        remove(folder)


def settle(root: Path) -> None:
    """Make all that was written on the disk of a directory reach it, so that nothing is older than its name there."""
    import ctypes  # noqa: PLC0415 - after builds and downloads only

    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(root))
    finally:
        os.close(descriptor)


def sweep(root: Path, node: NodePlace) -> None:
    """Remove what passes that were killed have left beside releases."""
    for path in sorted(root.iterdir()):
        if found := _BESIDE.fullmatch(path.name):
            with locks.held(node.run, f"software-{found[1]}"):
                try:
                    remove(path)
                except OSError:
                    _log.exception("%s cannot be removed", path)
