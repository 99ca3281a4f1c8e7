"""The runner's own side of a copy: what lies here, and putting files in their places."""

import glob
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from pilothouse.tools.copying.entries import Entry, Item, Source
from pilothouse.tools.program import ToolError, say


def sources(names: Sequence[str], base: Path, *, follow: bool, missing_ok: bool) -> tuple[Source, ...]:
    """Return what names and patterns stand for, relative ones below ``base``. Raises ToolError for a missing one."""
    found = []
    for name in names:
        pattern = str(base / Path(name).expanduser())
        matches = [pattern] if os.path.lexists(pattern) else sorted(glob.glob(pattern))  # noqa: PTH207 - absolute patterns
        if not matches and not missing_ok:
            raise ToolError(f"{pattern}: there is no such file or folder on the runner")
        if not matches:
            say("WARN", f"{pattern} is not there; nothing is copied of it")
        found += [Source(match, tuple(_walk(Path(match), follow=follow))) for match in matches]
    return tuple(found)


def digest(path: Path | str) -> str:
    """Return the SHA-256 of a file in hex."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def make(item: Item) -> None:
    """Make a folder or a link. Raises OSError."""
    to = Path(item.to)
    if item.entry.type == "folder":
        to.mkdir(parents=True, exist_ok=True)
        to.chmod(item.entry.mode | 0o700)
    elif item.entry.type == "link":
        to.parent.mkdir(parents=True, exist_ok=True)
        to.unlink(missing_ok=True)
        to.symlink_to(item.entry.target)


def _walk(root: Path, *, follow: bool) -> list[Entry]:
    """Return the source and all below it; a link that is itself the source is followed, as cp does."""
    found = [_entry(root, "", follow=True)]
    if root.is_dir():
        for folder, names, files in os.walk(root, followlinks=follow):
            for name in sorted((*names, *files)):
                path = Path(folder) / name
                found.append(_entry(path, path.relative_to(root).as_posix(), follow=follow))
    return sorted((entry for entry in found if entry is not None), key=lambda entry: entry.path)


def _entry(path: Path, name: str, *, follow: bool) -> Entry | None:
    """Return what a path is; None for sockets, pipes and devices."""
    if path.is_symlink() and not follow:
        return Entry(name, "link", target=str(path.readlink()))
    mode = path.stat().st_mode & 0o7777
    if path.is_dir():
        return Entry(name, "folder", mode, "-")
    return Entry(name, "file", mode, digest(path)) if path.is_file() else None
