"""Room on the disk, before something is built or deployed (node spec, sections 9.5 and 12.1)."""

import os
from pathlib import Path

from pilothouse.node import sizes
from pilothouse.node.errors import NodeError


def require(folder: Path, needed: int, option: str) -> None:
    """Raise NodeError when users have less than ``needed`` bytes where a directory is, or will be."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    status = os.statvfs(there)
    free = status.f_bavail * status.f_frsize
    if free < needed:
        raise NodeError(
            f"Not enough space for {folder}: available {sizes.shown(free)}, "
            f"required {sizes.shown(needed)} (option {option!r})"
        )
