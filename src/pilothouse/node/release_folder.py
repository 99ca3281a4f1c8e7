"""The directory of a release comes and goes in one step, whatever kills the pass meanwhile (node spec, section 5.1).

A new one is made beside, with the mark that no instance may use it, and renamed. One that is to go is renamed first
and then removed, so that what is half removed is never taken for a release. What a killed pass left beside is removed
by the next one.
"""

import logging
import re
from pathlib import Path
from typing import Final

from pilothouse.files import write_atomic
from pilothouse.node import identity, locks
from pilothouse.node.layout import NodePlace, SoftwarePlace
from pilothouse.node.removal import remove

_log = logging.getLogger("slapos")
_BESIDE: Final = re.compile(r"\.([0-9a-f]{32})\.(new|old|incoming|outgoing)")
_MARK: Final = b"The build of this release has begun and not ended well yet; no instance may use it.\n"


def make(place: SoftwarePlace, owner: identity.Identity) -> None:
    """Make the directory, marked as unfinished. Raises OSError."""
    new = beside(place, "new")
    remove(new)
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


def beside(place: SoftwarePlace, kind: str) -> Path:
    """Return where something of a release is while it comes or goes: ``new``, ``old``, ``incoming``, ``outgoing``."""
    return place.root / f".{place.md5}.{kind}"


def sweep(root: Path, node: NodePlace) -> None:
    """Remove what passes that were killed have left beside releases."""
    for path in sorted(root.iterdir()):
        if found := _BESIDE.fullmatch(path.name):
            with locks.held(node.run, f"software-{found[1]}"):
                try:
                    remove(path)
                except OSError:
                    _log.exception("%s cannot be removed", path)
