"""What there is to copy: folders, files and links, with modes and SHA-256 sums. Pure."""

import posixpath
from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from pilothouse.errors import UsageError
from pilothouse.tools.program import ToolError

Type = Literal["folder", "file", "link"]
NO_DIGEST: Final = "-"
_LETTERS: Final[dict[str, Type]] = {"d": "folder", "f": "file", "l": "link"}
_FIELDS: Final = 4


class Entry(msgspec.Struct, frozen=True):
    """One thing below a source: ``path`` relative to it ("" is the source itself).

    ``digest`` is the file's SHA-256 in hex, ``-`` when the machine cannot tell; ``target`` is where a link leads.
    """

    path: str
    type: Type
    mode: int = 0
    digest: str = ""
    target: str = ""


class Source(msgspec.Struct, frozen=True):
    """A file or folder that was found, by its absolute path, and all that is in it."""

    root: str
    entries: tuple[Entry, ...]

    @property
    def name(self) -> str:
        """The last part of the path."""
        return posixpath.basename(self.root.rstrip("/")) or "root"


class Item(msgspec.Struct, frozen=True):
    """One thing to be made at the absolute path ``to``, from the absolute path ``origin``."""

    entry: Entry
    origin: str
    to: str


def names(text: str) -> tuple[str, ...]:
    """Return the paths of a comma-separated list. Raises UsageError for a path with ``..`` in it, or none."""
    found = tuple(part for item in text.split(",") if (part := item.strip()))
    if not found:
        raise UsageError("there is nothing to copy; give --src")
    return tuple(checked(name) for name in found)


def checked(name: str) -> str:
    """Return a path that does not lead upwards. Raises UsageError."""
    if ".." in name.split("/") or "\0" in name or "\n" in name:
        raise UsageError(f"the path {name!r} cannot be used; allowed: a path without .. and line ends")
    return name


def items(sources: Sequence[Source], destination: str, *, into: bool) -> tuple[Item, ...]:
    """Return what is to be made, folders before what they hold.

    With ``into`` each source keeps its name below the destination; else the only source takes the
    destination's name, as with ``cp``.
    """
    found = []
    for source in sources:
        base = posixpath.join(destination, source.name) if into else destination.rstrip("/") or "/"
        for entry in source.entries:
            tail = f"/{entry.path}" if entry.path else ""
            found.append(Item(entry, source.root.rstrip("/") + tail, base.rstrip("/") + tail))
    return tuple(found)


def goes_into(destination: str, *, folder_there: bool, sources: int) -> bool:
    """Say whether sources keep their names below the destination: it is a folder, or has to be one."""
    return folder_there or destination.endswith("/") or sources > 1


def read_listing(text: str) -> tuple[Source, ...]:
    """Return what a machine lists, in lines whose fields are parted by tabs.

    ``s <source>``, then for each thing in it ``<d, f or l> <mode> <sum> <path>``, and ``t <target>`` after a link.
    Raises ToolError for lines that are neither, as names with line ends make them.
    """
    found: list[tuple[str, list[Entry]]] = []
    for line in text.splitlines():
        kind, _, rest = line.partition("\t")
        fields = line.split("\t", _FIELDS - 1)
        if kind == "s":
            found.append((rest, []))
        elif kind == "t" and found and found[-1][1]:
            found[-1][1][-1] = msgspec.structs.replace(found[-1][1][-1], target=rest)
        elif kind in _LETTERS and found and len(fields) == _FIELDS and _is_octal(fields[1]):
            path = fields[3].removeprefix(found[-1][0]).lstrip("/")
            found[-1][1].append(Entry(path, _LETTERS[kind], int(fields[1], 8), fields[2]))
        else:
            raise ToolError(f"the listing has the line {line!r}; names with line ends or tabs cannot be copied")
    return tuple(Source(root, tuple(sorted(entries, key=lambda entry: entry.path))) for root, entries in found)


def differences(wanted: Iterable[Item], there: Iterable[Entry], base: str) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    """Return what has to be made anew below ``base``, and the paths below it that nothing stands for."""
    known = {posixpath.join(base, entry.path) if entry.path else base: entry for entry in there}
    anew = []
    for item in wanted:
        old = known.pop(item.to, None)
        if old is None or not _same(item.entry, old):
            anew.append(item)
    return tuple(anew), tuple(sorted(known, reverse=True))


def _same(one: Entry, other: Entry) -> bool:
    if one.type != other.type:
        return False
    if one.type == "link":
        return one.target == other.target
    return one.mode == other.mode and one.digest == other.digest and (one.type == "folder" or one.digest != NO_DIGEST)


def _is_octal(text: str) -> bool:
    return bool(text) and not text.strip("01234567")
