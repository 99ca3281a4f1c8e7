"""Custom scripts: where they are found, where they are kept, and how they start (spec sections 6.5 and 6.6)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pilothouse.engine import packages
from pilothouse.engine.libraries import libraries
from pilothouse.engine.program import Program, UnusableError
from pilothouse.engine.workspace import Workspace
from pilothouse.errors import UsageError
from pilothouse.files import confine, write_atomic
from pilothouse.jobs.document import Job, Kind, Operation, Script, placed
from pilothouse.jobs.interpreters import INTERPRETERS, PACKAGE, file_name, script_command
from pilothouse.jobs.plan import Selection
from pilothouse.transports.contract import UploadFile

_POSIX: Final = tuple(name for name, item in INTERPRETERS.items() if item.style == "posix")
_FIELD: Final = "scriptContent"


def script_names(job: Job) -> dict[str, str]:
    """Return a file name of its own for each script, by place: after its operation, numbered when that repeats."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for number, (_, place, operation) in enumerate(placed(job)):
        if operation.script is not None:
            name = file_name(operation.id, operation.script.interpreter)
            if name in taken:
                name = file_name(f"{operation.id}.{number}", operation.script.interpreter)
            taken.add(name)
            found[place] = name
    return found


def missing_scripts(job: Job, places: Sequence[Path], selection: Selection) -> list[Operation]:
    """Return the operations of the selected phases whose script has an id, no text, and no file in the ``places``."""
    names = script_names(job)
    folders = [place / "script" for place in places]
    wanted = {
        phase.name
        for group in job.groups
        for phase in group.phases
        if group.number in (selection.groups or (group.number,)) and phase.name in (selection.phases or (phase.name,))
    }
    missing = []
    for phase, place, operation in placed(job):
        script = operation.script
        if phase in wanted and script is not None and script.content is None and script.id:
            try:
                _found(operation, script, folders, names[place])
            except UnusableError:
                missing.append(operation)
    return missing


def script_program(
    operation: Operation, script: Script, space: Workspace | None, folders: Sequence[Path], file: str
) -> Program:
    """Return how a script is started. With ``space`` given it is written there, under the name ``file``.

    A script without text is looked for in the ``folders``. Raises UnusableError.
    """
    if script.interpreter not in _POSIX:
        found = f"{script.interpreter}, which runs on Windows only; no such target can be reached in this release"
        raise UnusableError("interpreter", found, ", ".join(_POSIX))
    if script.interpreter == PACKAGE:
        return _package(operation, script, space, folders, file)
    if script.content is not None:
        text, beside = script.content, dict[str, bytes]()
    else:
        path = _found(operation, script, folders, file)
        try:
            text, beside = path.read_text("utf-8", "surrogateescape"), libraries(path)
        except OSError as error:
            raise _unreadable(path, error) from None
    content = text.encode("utf-8", "surrogateescape")
    kept = _kept(content, space, file)
    if operation.kind is Kind.TARGET:
        return _on_target(operation, script, content, beside)
    command = (str(kept),) if text.startswith("#!") else script_command(script.interpreter, str(kept))
    return Program(command=command, style=INTERPRETERS[script.interpreter].style)


def _package(
    operation: Operation, script: Script, space: Workspace | None, folders: Sequence[Path], file: str
) -> Program:
    if script.content is not None:
        raise UnusableError(_FIELD, "a text for the interpreter package", "none; the archive lies in a script folder")
    path = _found(operation, script, folders, file)
    try:
        content, beside = path.read_bytes(), libraries(path)
        files = packages.members(content)
        entry = packages.entry_of(files, operation.name)
    except OSError as error:
        raise _unreadable(path, error) from None
    except UsageError as error:
        raise UnusableError(_FIELD, f"{path}: {error}", "a tar archive with a file to start") from None
    files = packages.laid(files, entry)
    kept = _kept(content, space, file)
    if operation.kind is Kind.TARGET:
        needed = tuple(UploadFile(*item) for item in beside.items())
        return Program(command=packages.entry_command(entry, f"./{entry.name}"), files=(*needed, *files))
    root = kept.with_suffix("") if space is None else packages.unpacked(content, files, kept.with_suffix(""))
    return Program(command=packages.entry_command(entry, str(root / entry.name)))


def _found(operation: Operation, script: Script, folders: Sequence[Path], file: str) -> Path:
    extension = INTERPRETERS[script.interpreter].extension
    bases = [operation.id, script.id, operation.name]
    names = [file, *(name for base in bases if base for name in (base, base + extension))]
    for folder in folders:
        for name in names:
            try:
                path = confine(folder, name)
                if path.is_file():
                    return path
            except UsageError:
                continue
            except OSError as error:
                raise _unreadable(folder / name, error) from None
    looked = " or ".join(str(folder / file_name(operation.name, script.interpreter)) for folder in folders)
    if script.interpreter == PACKAGE:
        raise UnusableError(_FIELD, "no archive", f"none, and the archive in the file {looked}")
    raise UnusableError(_FIELD, "no script text", f"the script here, or in the file {looked}")


def _unreadable(path: Path, error: OSError) -> UnusableError:
    return UnusableError(_FIELD, f"{path} cannot be read: {error.strerror}", "the script here, or in a readable file")


def _kept(content: bytes, space: Workspace | None, file: str) -> Path:
    if space is None:
        return Path(file)
    path = space.script(file)
    write_atomic(path, content, mode=0o700)
    return path


def _on_target(operation: Operation, script: Script, content: bytes, beside: Mapping[str, bytes]) -> Program:
    name = file_name(operation.name, script.interpreter)
    return Program(
        command=script_command(script.interpreter, name),
        style=INTERPRETERS[script.interpreter].style,
        files=(*(UploadFile(*item) for item in beside.items()), UploadFile(name, content, 0o700)),
    )
