"""External disks: ``<instance_storage_home>/data<digits>``, a directory in each for each partition (5.3, 6.5.4)."""

import logging
import os
import re
from pathlib import Path
from typing import Final

from pilothouse.node.identity import Identity

_log: Final = logging.getLogger("slapos")
_NAME: Final = re.compile(r"data[0-9]+")
_LINKS: Final = "DATA"
_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def found(home: Path | None) -> tuple[str, ...]:
    """Return the directories of the external disks, by number."""
    if home is None or not home.is_dir():
        return ()
    names = [one.name for one in home.iterdir() if _NAME.fullmatch(one.name) and one.is_dir()]
    return tuple(str(home / name) for name in sorted(names, key=lambda name: (int(name[4:]), name)))


def link(home: Path | None, folder: Path, owner: Identity) -> None:
    """Make ``DATA/<disk>`` in a partition, for the disks that have a directory for it. Raises OSError.

    A user may have put links into its partition, so none is followed here.
    """
    disks = [Path(disk) for disk in found(home) if Path(disk, folder.name).is_dir()]
    if not disks:
        return
    partition = os.open(folder, _FLAGS)
    try:
        try:
            os.mkdir(_LINKS, 0o750, dir_fd=partition)
        except FileExistsError:
            pass
        else:
            _give(_LINKS, partition, owner)
        try:
            links = os.open(_LINKS, _FLAGS, dir_fd=partition)
        except OSError:
            _log.warning("%s is no directory; nothing in it leads to external disks", folder / _LINKS)
            return
        try:
            for disk in disks:
                _link(str(disk / folder.name), disk.name, links, owner)
        finally:
            os.close(links)
    finally:
        os.close(partition)


def _link(target: str, name: str, links: int, owner: Identity) -> None:
    try:
        os.symlink(target, name, dir_fd=links)
    except FileExistsError:
        return
    _give(name, links, owner)


def _give(name: str, folder: int, owner: Identity) -> None:
    if owner.drops:
        os.chown(name, owner.uid, owner.gid, dir_fd=folder, follow_symlinks=False)
