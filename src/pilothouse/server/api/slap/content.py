"""The files of the network cache: contents named by their SHA-512, and signed index entries (slapos-master 5.3)."""

import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from pilothouse import files

_SHA512: Final = re.compile(r"[0-9a-f]{128}")
_KEY: Final = re.compile(r"[A-Za-z0-9_+=@~,-][A-Za-z0-9._+=@~,:-]{0,239}")

Pair = tuple[str, str]
"""The text of an entry, which is JSON, and its signature."""


class _Entry(msgspec.Struct, frozen=True):
    sha512: str = ""


class Incoming:
    """A content that is being written beside the others; it is there once it is kept, or leaves no trace."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".incoming.")
        self._stream: BinaryIO = os.fdopen(handle, "wb")
        self._path = Path(name)
        self._folder = folder
        self._hash = hashlib.sha512()

    @property
    def sha512(self) -> str:
        """Return the name of what was written so far."""
        return self._hash.hexdigest()

    def write(self, piece: bytes) -> None:
        """Add a piece."""
        self._hash.update(piece)
        self._stream.write(piece)

    def keep(self) -> str:
        """Give it its name, durably, and return that."""
        self._stream.flush()
        os.fchmod(self._stream.fileno(), 0o644)
        os.fsync(self._stream.fileno())
        self._stream.close()
        self._path.replace(self._folder / self.sha512)
        files.sync_folder(self._folder)
        return self.sha512

    def discard(self) -> None:
        """Forget it, unless it was kept."""
        self._stream.close()
        self._path.unlink(missing_ok=True)


class ContentFolder:
    """Contents by SHA-512."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, name: str) -> Path | None:
        """Return the file of a content, None when there is none."""
        path = self.folder / name
        return path if _SHA512.fullmatch(name) and path.is_file() else None


class IndexFolder:
    """Index entries by key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keys(self) -> list[str]:
        """Return every key, in order."""
        if not self._folder.is_dir():
            return []
        return sorted(path.name for path in self._folder.iterdir() if _KEY.fullmatch(path.name))

    def read(self, key: str) -> bytes | None:
        """Return the stored JSON of a key, None when there is none."""
        if not _KEY.fullmatch(key):
            return None
        try:
            return (self._folder / key).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, key: str, pairs: list[Pair]) -> None:
        """Replace what a key has. Raises ValueError for a key that no file can have."""
        if not _KEY.fullmatch(key):
            raise ValueError(f"the key {key[:40]!r} is not one; allowed: 1 to 240 letters, digits and ._+=@~,:-")
        files.write_atomic(self._folder / key, msgspec.json.encode(pairs), durable=True)

    def remove(self, key: str) -> None:
        """Forget a key."""
        (self._folder / key).unlink(missing_ok=True)

    def prune(self, is_there: Callable[[str], bool]) -> tuple[list[str], list[str]]:
        """Drop entries whose content is gone; returns the keys that were removed, and those that have less now."""
        removed: list[str] = []
        updated: list[str] = []
        for key in self.keys():
            pairs = read_pairs(self.read(key) or b"[]")
            left = [pair for pair in pairs if is_there(sha512_of(pair))]
            if not left:
                self.remove(key)
                removed.append(key)
            elif len(left) < len(pairs):
                self.write(key, left)
                updated.append(key)
        return removed, updated


def read_pairs(content: bytes) -> list[Pair]:
    """Read a stored list of pairs; what is none has no entries."""
    try:
        return msgspec.json.decode(content, type=list[Pair])
    except msgspec.DecodeError:
        return []


def sha512_of(pair: Pair) -> str:
    """Return which content an entry is about, an empty text when it does not say."""
    try:
        return msgspec.json.decode(pair[0], type=_Entry).sha512
    except msgspec.DecodeError:
        return ""
