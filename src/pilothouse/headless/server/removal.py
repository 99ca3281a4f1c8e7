"""Deleting a folder that strangers filled: however deep it is, and wherever its links lead."""

import contextlib
import os
from itertools import count
from pathlib import Path
from typing import Final

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(folder: Path) -> None:
    """Delete a folder with all that is in it. Follows no link; what cannot be deleted stays, and nothing is raised."""
    with contextlib.suppress(OSError):
        top = os.open(folder, _FOLDER)
        try:
            _empty(top)
        finally:
            os.close(top)
        folder.rmdir()


def _empty(top: int) -> None:
    # a job can dig deeper than we can call or hold files open, so each folder comes up to the top before its turn
    mark, numbers = os.urandom(8).hex(), count()
    waiting = _without_files(top)
    while waiting:
        name = waiting.pop()
        with contextlib.suppress(OSError):
            below = os.open(name, _FOLDER, dir_fd=top)
            try:
                for each in _without_files(below):
                    raised = f"{mark}-{next(numbers)}"
                    os.rename(each, raised, src_dir_fd=below, dst_dir_fd=top)
                    waiting.append(raised)
            finally:
                os.close(below)
            os.rmdir(name, dir_fd=top)


def _without_files(folder: int) -> list[str]:
    """Delete all files of a folder; returns the folders in it."""
    folders = []
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        if is_folder:
            folders.append(name)
            continue
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=folder)
    return folders
