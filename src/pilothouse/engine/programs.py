"""What each operation of a job runs, settled before anything starts: a custom script or a built-in tool."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from pilothouse.engine.libraries import libraries
from pilothouse.engine.native.table import is_native
from pilothouse.engine.workspace import Workspace
from pilothouse.errors import DocumentError, PilothouseError, Problem, UsageError
from pilothouse.files import confine, write_atomic
from pilothouse.jobs.document import Job, Kind, Operation, Script, each
from pilothouse.jobs.interpreters import INTERPRETERS, file_name, script_command
from pilothouse.tools.catalog import Catalog, Tool, files_for_target
from pilothouse.transports.contract import UploadFile

_POSIX: Final = tuple(name for name, item in INTERPRETERS.items() if item.style == "posix" and item.command)


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """How to start an operation: ``command`` and then its options and arguments.

    On targets ``files`` are laid into the job's folder there and ``work`` is the working folder below it; on
    the runner ``libraries`` are the folders for its search paths.
    """

    command: tuple[str, ...]
    style: str = "posix"
    files: tuple[UploadFile, ...] = ()
    work: str = "."
    libraries: tuple[str, ...] = ()


Programs = Mapping[tuple[str, str], Program]
"""Programs by phase name and operation id."""


def find_programs(
    job: Job,
    catalog: Catalog,
    space: Workspace | None,
    places: Sequence[Path],
    source: str,
    phases: Collection[str] | None = None,
) -> Programs:
    """Return the program of every operation that needs one, also of those in blocks; of the ``phases`` named, if any.

    Scripts without text are looked for in the folder ``script`` of each of the ``places``, in order. With
    ``space`` given, every script is written to its run folder: the runner's run from there, and a later run
    finds the others there. Raises DocumentError naming every operation that cannot
    be run.
    """
    folders = [place / "script" for place in places]
    problems: list[Problem] = []
    found: dict[tuple[str, str], Program] = {}
    names = _script_names(job)
    for phase, place, operation in _placed(job):
        if is_native(operation) or (phases is not None and phase not in phases):
            continue
        program = _program(operation, catalog, space, folders, place, problems, names.get(place, ""))
        if program is not None:
            found[phase, operation.id] = program
    if problems:
        raise DocumentError(source, problems)
    return found


def _program(
    operation: Operation,
    catalog: Catalog,
    space: Workspace | None,
    folders: list[Path],
    place: str,
    problems: list[Problem],
    file: str,
) -> Program | None:
    if operation.script is None:
        try:
            tool = catalog.find(operation.name, "remote" if operation.kind is Kind.TARGET else "local")
        except PilothouseError as error:
            problems.append(Problem(f"{place}.opName", str(error), "a tool of the catalog, or isScript 1"))
            return None
        if tool.program is None:
            problems.append(Problem(f"{place}.opName", f"{operation.name}, which has no program", "another tool"))
            return None
        return _tool_on_target(tool, operation) if operation.kind is Kind.TARGET else _tool_here(tool)
    if operation.script.interpreter not in _POSIX:
        allowed = ", ".join(_POSIX)
        problems.append(Problem(f"{place}.interpreter", operation.script.interpreter, f"{allowed} in this release"))
        return None
    text, beside = operation.script.content, dict[str, bytes]()
    if text is None:
        stored = _stored(operation, operation.script, folders, file, place, problems)
        if stored is None:
            return None
        text, beside = stored
    path = _kept(text, space, file)
    if operation.kind is Kind.TARGET:
        return _script_on_target(operation, text, beside)
    return _script_here(operation, text, path)


def _stored(
    operation: Operation, script: Script, folders: list[Path], file: str, place: str, problems: list[Problem]
) -> tuple[str, dict[str, bytes]] | None:
    """Return a script's text and what must lie beside it on a target."""
    extension = INTERPRETERS[script.interpreter].extension
    bases = [operation.id, script.id, operation.name]
    names = [file, *(name for base in bases if base for name in (base, base + extension))]
    for folder in folders:
        for name in names:
            try:
                path = confine(folder, name)
                if path.is_file():
                    return path.read_text("utf-8", "surrogateescape"), libraries(path)
            except UsageError:
                continue
            except OSError as error:
                found = f"{path} cannot be read: {error.strerror}"
                problems.append(Problem(f"{place}.scriptContent", found, "the script here, or in a readable file"))
                return None
    looked = " or ".join(str(folder / file_name(operation.name, script.interpreter)) for folder in folders)
    problems.append(Problem(f"{place}.scriptContent", "no script text", f"the script here, or in the file {looked}"))
    return None


def _script_on_target(operation: Operation, text: str, beside: Mapping[str, bytes]) -> Program:
    interpreter = operation.script.interpreter if operation.script else "sh"
    name = file_name(operation.name, interpreter)
    content = text.encode("utf-8", "surrogateescape")
    return Program(
        command=script_command(interpreter, name),
        style=INTERPRETERS[interpreter].style,
        files=(*(UploadFile(*item) for item in beside.items()), UploadFile(name, content, 0o700)),
    )


def _script_names(job: Job) -> dict[str, str]:
    """Return a file name of its own for each script, by place: after its operation, numbered when that repeats."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for number, (_, place, operation) in enumerate(_placed(job)):
        if operation.script is not None:
            name = file_name(operation.id, operation.script.interpreter)
            if name in taken:
                name = file_name(f"{operation.id}.{number}", operation.script.interpreter)
            taken.add(name)
            found[place] = name
    return found


def _placed(job: Job) -> Iterator[tuple[str, str, Operation]]:
    """Yield the name of the phase, the JSON path and the operation, for every operation."""
    for g, group in enumerate(job.groups):
        for p, phase in enumerate(group.phases):
            for place, operation in each(phase.operations, f"$.runFlow[{g}].phases[{p}].operations"):
                yield phase.name, place, operation


def _kept(text: str, space: Workspace | None, file: str) -> Path:
    if space is None:
        return Path(file)
    path = space.script(file)
    write_atomic(path, text.encode("utf-8", "surrogateescape"), mode=0o700)
    return path


def _script_here(operation: Operation, text: str, path: Path) -> Program:
    interpreter = operation.script.interpreter if operation.script else "sh"
    command = (str(path),) if text.startswith("#!") else script_command(interpreter, str(path))
    return Program(command=command, style=INTERPRETERS[interpreter].style)


def _tool_here(tool: Tool) -> Program:
    return Program(command=tool.command, libraries=tuple(str(folder) for folder in tool.libraries))


def _tool_on_target(tool: Tool, operation: Operation) -> Program:
    interpreter = operation.interpreter or tool.interpreter
    group, _, name = tool.name.partition("/")
    return Program(
        command=script_command(interpreter, name) if interpreter else (f"./{name}",),
        files=tuple(UploadFile(file.name, file.content, file.mode) for file in files_for_target(tool)),
        work=group,
    )
