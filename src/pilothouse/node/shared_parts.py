"""What mentions shared parts: texts of releases and of other parts, of nodes within the node too (node spec 18.4)."""

import configparser
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

_CONFIGURATION: Final = "slapos.cfg"
_PROGRAM: Final = b"\x7fELF"
_LARGEST: Final = 64 * 1024 * 1024  # bytes of a text
_SIGNATURE: Final = re.compile(r"\..*signature")


class Part(NamedTuple):
    """One shared part: its directory, whose name is the signature."""

    path: Path

    @property
    def signature(self) -> str:
        """What others mention it by."""
        return self.path.name


class Mentions:
    """Which signatures are mentioned by releases (``roots``), and by which parts (``by_part``)."""

    def __init__(self, signatures: set[str]) -> None:
        self.roots: set[str] = set()
        self.by_part: dict[Part, set[str]] = {}
        self._signatures = signatures

    def add_roots(self, texts: Iterable[str]) -> None:
        """Note what releases mention."""
        for text in texts:
            self.roots |= {one for one in self._signatures - self.roots if one in text}

    def add_part(self, part: Part, texts: Iterable[str]) -> None:
        """Note what a part mentions."""
        for text in texts:
            self.by_part.setdefault(part, set()).update(one for one in self._signatures if one in text)


def shared_directory(listed: str) -> Path | None:
    """Return the last of the directories that a configuration lists, which is the one that may be written to."""
    lines = [line.strip() for line in listed.splitlines() if line.strip()]
    return Path(lines[-1]).expanduser().absolute() if lines else None


def parts_below(shared: Path) -> list[Part]:
    """Return the parts of a shared directory, nothing when there is none."""
    return [
        Part(Path(path))
        for name in _folders(shared)
        for path in _folders(name)
        if not os.path.basename(path).startswith(".")  # noqa: PTH119 - paths of the system, in great numbers
    ]


def _folders(folder: str | Path) -> list[str]:
    with suppress(OSError), os.scandir(folder) as entries:
        return sorted(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))
    return []


def texts_of_part(part: Part) -> Iterator[str]:
    """Yield what a part says that it was built with."""
    with suppress(OSError):
        for path in sorted(part.path.iterdir()):
            if path.name == ".buildout-shared.json" or _SIGNATURE.fullmatch(path.name):
                yield from _text(path)


def texts_of_releases(software_root: Path) -> Iterator[str]:
    """Yield the texts of all releases that name what they use."""
    for folder in _folders(software_root):
        yield from texts_of_release(Path(folder))


def texts_of_release(folder: Path) -> Iterator[str]:
    """Yield the texts of a release that name what it uses."""
    yield from _text(folder / ".installed.cfg")
    with suppress(OSError):
        for path in sorted((folder / "bin").iterdir()):
            yield from _text(path)


def _text(path: Path) -> Iterator[str]:
    """Yield a file's text, nothing when it is no text; never waits, whatever lies there."""
    with suppress(OSError, UnicodeDecodeError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST and stream.peek(4)[:4] != _PROGRAM:
                yield stream.read().decode("utf-8")


def nested_nodes(instance_root: Path) -> Iterator[tuple[Path, Path | None]]:
    """Yield software root and shared directory of nodes that run in instances, and of those within them."""
    waiting, seen = [instance_root], set()
    while waiting:
        root = waiting.pop()
        if (place := os.path.realpath(root)) in seen:
            continue
        seen.add(place)
        for folder, _, names in os.walk(root):
            if _CONFIGURATION in names and (node := _node(Path(folder, _CONFIGURATION))):
                software, instances, shared = node
                yield software, shared
                waiting.append(instances)


def _node(path: Path) -> tuple[Path, Path, Path | None] | None:
    parser = configparser.ConfigParser()
    try:
        for text in _text(path):
            parser.read_string(text)
        section = parser["slapos"]
        shared = shared_directory(section["shared_part_list"])
        return Path(section["software_root"]), Path(section["instance_root"]), shared
    except (configparser.Error, KeyError, RuntimeError, ValueError):
        return None  # a broken one is ignored alone
