"""What each operation of a job runs, settled before anything starts: a custom script or a built-in tool."""

from collections.abc import Collection, Sequence
from pathlib import Path

from pilothouse.engine.native.table import is_native
from pilothouse.engine.program import Program, Programs, UnusableError
from pilothouse.engine.scripts import script_names, script_program
from pilothouse.engine.workspace import Workspace
from pilothouse.errors import DocumentError, PilothouseError, Problem
from pilothouse.jobs.document import Job, Kind, Operation, placed
from pilothouse.jobs.interpreters import script_command
from pilothouse.tools.catalog import Catalog, Tool, files_for_target
from pilothouse.transports.contract import UploadFile


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
    names = script_names(job)
    for phase, place, operation in placed(job):
        if is_native(operation) or (phases is not None and phase not in phases):
            continue
        try:
            if operation.script is None:
                found[phase, operation.id] = _tool(operation, catalog)
            else:
                found[phase, operation.id] = script_program(operation, operation.script, space, folders, names[place])
        except UnusableError as error:
            problems.append(Problem(f"{place}.{error.field}", error.found, error.allowed))
    if problems:
        raise DocumentError(source, problems)
    return found


def _tool(operation: Operation, catalog: Catalog) -> Program:
    try:
        tool = catalog.find(operation.name, "remote" if operation.kind is Kind.TARGET else "local")
    except PilothouseError as error:
        raise UnusableError("opName", str(error), "a tool of the catalog, or isScript 1") from None
    if tool.program is None:
        raise UnusableError("opName", f"{operation.name}, which has no program", "another tool")
    return _tool_on_target(tool, operation) if operation.kind is Kind.TARGET else _tool_here(tool)


def _tool_here(tool: Tool) -> Program:
    return Program(
        command=tool.command,
        libraries=tuple(str(folder) for folder in tool.libraries),
        password=tool.descriptor.node_password,
    )


def _tool_on_target(tool: Tool, operation: Operation) -> Program:
    interpreter = operation.interpreter or tool.interpreter
    group, _, name = tool.name.partition("/")
    return Program(
        command=script_command(interpreter, name) if interpreter else (f"./{name}",),
        files=tuple(UploadFile(file.name, file.content, file.mode) for file in files_for_target(tool)),
        work=group,
    )
