"""Trees removed whole, whatever permissions their directories have."""

import os
import shutil
import stat
from pathlib import Path


def remove(folder: Path) -> None:
    """Remove a tree, directories without permissions included. Raises OSError when something stays."""
    try:
        kind = folder.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(kind):  # also pipes and sockets, which can be opened for ever
        folder.unlink()
    else:
        if os.geteuid():  # root needs no permission, and must not follow what others may exchange meanwhile
            _open_up(folder)
        shutil.rmtree(folder)


def _open_up(folder: Path) -> None:
    folder.chmod(stat.S_IRWXU)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            _open_up(path)
