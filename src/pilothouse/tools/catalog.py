"""Finding tools: ``<root>/{local,remote}/<group>/<tool>`` with ``<tool>.json`` beside it (spec section 8.1).

The site's roots (``settings.plugins``) are searched in their order, then the built-in one, so a site can
replace a tool or add to a group. Finding one tool looks at that tool's files only.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from pilothouse import files
from pilothouse.errors import UsageError
from pilothouse.tools import descriptor
from pilothouse.tools.descriptor import Descriptor, Kind

Side = Literal["local", "remote"]
BUILT_IN: Final = Path(__file__).parent / "plugins"
LIBRARY: Final = "lib"
NATIVE: Final = "native"
_OTHER: Final[dict[Side, Side]] = {"local": "remote", "remote": "local"}
_PLACE: Final[dict[Side, str]] = {"local": "the runner", "remote": "targets"}
_SUFFIX: Final = ".json"
_ANY_PYTHON: Final = b"#!/usr/bin/env python3\n"


class UnknownToolError(UsageError):
    """No tool of this name runs on this side; ``near`` are the names that come close."""

    def __init__(self, name: str, side: Side, near: Sequence[str] = (), *, elsewhere: bool = False) -> None:
        self.name = name
        self.side = side
        self.near = tuple(near)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        if elsewhere:
            hint = f"; the tool of that name runs on {_PLACE[_OTHER[side]]}: check the operation's opType"
        super().__init__(f"no tool {name!r} runs on {_PLACE[side]}{hint}; see: pilothouse tool list")


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that was found.

    ``program`` is None for what the engine itself carries out (group ``native``); ``source`` is the file of its
    descriptor. ``libraries`` are the folders
    of shared code that exist, the more special one first; those of ``shared`` are laid as ``lib`` beside the
    group's folder, the later over the earlier.
    """

    name: str
    group: str
    side: Side
    program: Path | None
    descriptor: Descriptor
    source: Path | None = None
    group_library: Path | None = None
    shared: tuple[Path, ...] = ()

    @property
    def libraries(self) -> tuple[Path, ...]:
        """The folders of shared code for PATH, PYTHONPATH and PERL5LIB, the more special one first."""
        own = (self.group_library,) if self.group_library else ()
        return (*own, *reversed(self.shared))

    @property
    def command(self) -> tuple[str, ...]:
        """The words that start the program on the runner.

        A program starts by its own ``#!`` line; one that asks for just any Python gets the Python of this
        process, where the package and its libraries are.
        """
        if self.program is None:
            return ()
        with self.program.open("rb") as stream:
            asks = stream.read(len(_ANY_PYTHON))
        return (sys.executable, str(self.program)) if asks == _ANY_PYTHON else (str(self.program),)

    @property
    def interpreter(self) -> str:
        """The interpreter that the descriptor names (spec section 6.5), or nothing."""
        return self.descriptor.interpreter

    @property
    def kind(self) -> Kind:
        """The operation type: a tool for targets is ``target`` whatever its descriptor says (spec section 8.3)."""
        return "target" if self.side == "remote" else self.descriptor.kind


class ToolFile(msgspec.Struct, frozen=True):
    """A file for the machine: ``name`` relative to the job's folder there, POSIX ``mode``."""

    name: str
    content: bytes
    mode: int


class Catalog:
    """The tools of a site and the built-in ones."""

    def __init__(self, plugins: Sequence[Path] = ()) -> None:
        self._roots = (*plugins, BUILT_IN)

    def find(self, name: str, side: Side) -> Tool:
        """Return the tool ``group/tool``. Raises UnknownToolError; DocumentError when its descriptor is broken."""
        group = _group(name)
        if not group:
            raise UnknownToolError(name, side, self._near(name, side))
        for root in self._roots:
            if found := self._look(root, name, group, side):
                return found
        elsewhere = any(self._look(root, name, group, _OTHER[side]) for root in self._roots)
        raise UnknownToolError(name, side, self._near(name, side), elsewhere=elsewhere)

    def names(self, side: Side) -> list[str]:
        """Return the names of a side's tools, those that are switched off or cannot be read among them."""
        return sorted(self._names(side))

    def tools(self, side: Side) -> Iterator[Tool]:
        """Return every enabled tool of a side by name, each once. Raises DocumentError at a broken descriptor."""
        for name in self.names(side):
            tool = self.find(name, side)
            if tool.descriptor.enabled:
                yield tool

    def _look(self, root: Path, name: str, group: str, side: Side) -> Tool | None:
        try:
            program = files.confine(root / side, name)
            described = files.confine(root / side, name + _SUFFIX)
        except (UsageError, ValueError):
            return None
        has_program = _is_file(program)
        has_descriptor = _is_file(described)
        if not has_program and not (has_descriptor and side == "local" and group == NATIVE):
            return None
        group_library = program.parent / LIBRARY
        return Tool(
            name=name,
            group=group,
            side=side,
            program=program if has_program else None,
            descriptor=descriptor.read(described) if has_descriptor else Descriptor(),
            source=described if has_descriptor else None,
            group_library=group_library if group_library.is_dir() else None,
            shared=tuple(
                folder for base in dict.fromkeys((BUILT_IN, root)) if (folder := base / side / LIBRARY).is_dir()
            ),
        )

    def _names(self, side: Side) -> set[str]:
        return {
            f"{path.parent.name}/{path.stem}"
            for root in self._roots
            for path in (root / side).glob(f"*/*{_SUFFIX}")
            if path.parent.name != LIBRARY and (path.parent.name == NATIVE or path.with_suffix("").is_file())
        }

    def _near(self, name: str, side: Side) -> list[str]:
        import difflib  # noqa: PLC0415 - costs start-up time, and is needed only after a mistake

        names = self._names(side)
        same = sorted(known for known in names if known.rpartition("/")[2] == name.rpartition("/")[2])
        return same or difflib.get_close_matches(name, names, n=3)


def files_for_target(tool: Tool) -> tuple[ToolFile, ...]:
    """Return what a target needs to run ``tool``: ``lib/...``, ``<group>/lib/...`` and ``<group>/<tool>``.

    The working folder there is ``<group>``. Raises UsageError for a tool without a program, OSError.
    """
    if tool.program is None:
        raise UsageError(f"{tool.name} is carried out by the engine; it has no program for a target")
    laid: dict[str, ToolFile] = {}
    for folder in tool.shared:
        laid |= _tree(folder, LIBRARY)
    if tool.group_library:
        laid |= _tree(tool.group_library, f"{tool.group}/{LIBRARY}")
    laid[tool.name] = ToolFile(tool.name, tool.program.read_bytes(), 0o700)
    return tuple(laid.values())


def _tree(folder: Path, name: str) -> dict[str, ToolFile]:
    found: dict[str, ToolFile] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            laid = f"{name}/{path.relative_to(folder).as_posix()}"
            found[laid] = ToolFile(laid, path.read_bytes(), 0o700 if path.stat().st_mode & 0o100 else 0o600)
    return found


def _group(name: str) -> str:
    """Return the group in a well-formed tool name, else nothing."""
    group, _, tool = name.partition("/")
    dotted = group.startswith(".") or tool.startswith(".") or tool.endswith(_SUFFIX)
    return "" if not tool or "/" in tool or dotted or group == LIBRARY else group


def _is_file(path: Path) -> bool:
    # A name too long for a file, or with a NUL in it, is the name of no tool.
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
