"""One operation on one node: resolve, start, wait, read back (spec sections 3, 6.1 to 6.3)."""

import asyncio
import os
import posixpath
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from pilothouse.engine.context import Context, Place
from pilothouse.engine.environment import exported, runner_environment, target_environment
from pilothouse.engine.nodelog import NodeLog
from pilothouse.engine.scopes import scope_of
from pilothouse.engine.stores import FOLDERS, Store
from pilothouse.engine.supplies import Supplies
from pilothouse.errors import AbortedError, ConnectionLostError, ForgottenFilesError, OutputError, PilothouseError
from pilothouse.jobs.arguments import CommandLine, command_line
from pilothouse.jobs.course import Step
from pilothouse.jobs.document import Kind, Output
from pilothouse.jobs.nodes import LOCAL, Node
from pilothouse.jobs.states import State
from pilothouse.transports.contract import Connection, Exit, Launch, Process, UploadFile

_OUTPUT_FILE: Final = "output.json"


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """An operation with everything resolved; ``launch`` still lacks its token."""

    line: CommandLine
    launch: Launch
    machine: Node

    def inputs(self, mask: Callable[[str], str]) -> dict[str, object]:
        """Return the options and arguments as they may be shown and recorded."""
        return {
            "options": {name: mask(value.shown) for name, value in self.line.options},
            "arguments": [mask(value.shown) for value in self.line.arguments],
        }


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How an operation ended; ``code`` is None when the machine could not say."""

    state: State
    code: int | None = None
    reason: str = ""
    outputs: dict[str, Any] | None = None
    group: int | None = None
    adopted: bool = False


class Attempt:
    """One attempt at an operation; after ``run`` its process, if any, waits to be settled."""

    def __init__(self, context: Context, place: Place, step: Step, log: NodeLog) -> None:
        self._context = context
        self._place = place
        self._step = step
        self._operation = step.operation
        self._log = log
        self._process: Process | None = None

    async def prepare(self) -> Prepared:
        """Resolve references and put the launch together. Raises PilothouseError, OSError."""
        context, place, operation = self._context, self._place, self._operation
        program = context.programs[place.phase, operation.id]
        on_target = operation.kind is Kind.TARGET
        scope = await scope_of(context, place, self._step.turns, self._log)
        supplies = Supplies(context.link, place.node, scope, context.opener)
        supplied = operation
        if supplies.wanted(operation):
            supplied = await context.control.until_abort(supplies.fetch(operation))
        line = command_line(supplied, scope, program.style, supplies.open, on_target=on_target)
        self._log.hide(*line.secrets, *supplies.secrets)
        launch = self._on_target(line) if on_target else self._here(line, await context.variables.everywhere())
        return Prepared(line=line, launch=launch, machine=place.node if on_target else LOCAL)

    async def run(self, prepared: Prepared, token: str) -> Outcome:
        """Start the operation and wait for its end; never raises for what a machine does."""
        context = self._context
        launch = msgspec.structs.replace(prepared.launch, token=token)
        try:
            connection = await context.control.until_abort(context.connections.to(prepared.machine))
            store = context.connections.store(prepared.machine)
            try:
                process, ended = await self._follow(connection, store, launch)
            except ForgottenFilesError:
                store.doubt()
                await self.settle(clean=False)
                process, ended = await self._follow(connection, store, launch)
            return await self._judge(connection, process, launch, ended)
        except AbortedError as error:
            return Outcome(state=State.ABORTED, reason=str(error))
        except TimeoutError:
            return await self._timed_out()
        except ConnectionLostError as error:
            await context.connections.drop(prepared.machine)
            return await self._lost(str(error))
        except (PilothouseError, OSError) as error:
            return await self._lost(str(error))

    async def _follow(self, connection: Connection, store: Store, launch: Launch) -> tuple[Process, Exit]:
        context = self._context
        self._process = None
        try:
            async with asyncio.timeout(context.settings.operation_timeout):
                process = await store.start(connection, launch, self._log.sink, self._note)
                return process, await process.exited()
        finally:
            await self._ended()

    async def _ended(self) -> None:
        if self._process is not None:
            self._context.control.ended(self._process)
            await self._log.finish()

    def _note(self, process: Process) -> None:
        self._process = process
        self._log.attach(process)
        self._context.control.running(process)

    async def settle(self, *, clean: bool) -> None:
        """Tell the machine that the end is recorded; a machine that is gone keeps its note, which does no harm."""
        if self._process is not None and not self._context.control.aborting:
            try:
                await self._process.settle(clean=clean)
            except (PilothouseError, OSError) as error:
                self._log.write(f"WARN: {self._place.node.key} could not be told that the result is recorded: {error}")

    async def _judge(self, connection: Connection, process: Process, launch: Launch, ended: Exit) -> Outcome:
        if ended.code and self._context.control.aborting:
            return await self._lost("aborted")
        if ended.code:
            return Outcome(
                state=State.FAILED,
                code=ended.code,
                reason=f"exit code {ended.code}",
                group=process.group,
                adopted=ended.adopted,
            )
        if ended.adopted:
            self._log.write("INFO: The operation ended while no engine was running; its result is taken over.")
        try:
            outputs = await self._outputs(connection, launch, ended)
        except (PilothouseError, OSError) as error:
            return Outcome(state=State.FAILED, code=0, reason=str(error), group=process.group)
        return Outcome(state=State.SUCCEEDED, code=0, outputs=outputs, group=process.group)

    async def _lost(self, reason: str) -> Outcome:
        control = self._context.control
        if not control.aborting:
            return Outcome(state=State.FAILED, reason=self._log.shown(reason))
        kill = await control.kill_of(self._process) if self._process is not None else None
        proof = f"process group {kill.group} {kill.outcome}" if kill and kill.group else "aborted"
        return Outcome(state=State.ABORTED, reason=proof, group=kill.group if kill else None)

    async def _timed_out(self) -> Outcome:
        limit = self._context.settings.operation_timeout
        kill = await self._process.abort() if self._process is not None else None
        end = f"; its process group was {kill.outcome}" if kill else ""
        return Outcome(state=State.FAILED, reason=f"took longer than {limit:.0f} s{end}")

    async def _outputs(self, connection: Connection, launch: Launch, ended: Exit) -> dict[str, Any] | None:
        declared = self._operation.outputs
        if declared is None:
            return None
        if self._operation.kind is Kind.TARGET:
            content = ended.collected.get(_OUTPUT_FILE, b"")
        else:
            path = self._context.space.operation_output(self._place.node, self._step.key)
            content = await asyncio.to_thread(_read, path)
        found = read_outputs(content, declared)
        secret = [str(found[item.name]) for item in declared if item.type == "password" and found[item.name]]
        self._context.secrets.extend(secret)
        self._log.hide(*secret)
        if self._operation.kind is Kind.TARGET:
            await self._fetch(connection, launch, declared, found)
        return found

    async def _fetch(
        self, connection: Connection, launch: Launch, declared: tuple[Output, ...], found: dict[str, Any]
    ) -> None:
        """Bring files that the outputs name to the runner; the values become paths in the run folder (3.2)."""
        space = self._context.space
        folder = space.operation_output(self._place.node, self._step.key).with_suffix("")
        for item in declared:
            value = found[item.name]
            if item.type != "filepath" or not isinstance(value, str) or not value:
                continue
            target = folder / posixpath.basename(value)
            await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
            await connection.download(posixpath.join(launch.folder, launch.work, value), str(target))
            found[item.name] = str(target.relative_to(space.root))

    def _here(self, line: CommandLine, everywhere: dict[str, str]) -> Launch:
        context, place, operation = self._context, self._place, self._operation
        program = context.programs[place.phase, operation.id]
        output = context.space.operation_output(place.node, self._step.key)
        for path in (output, context.space.livedata(place.phase, place.node, self._step.key)):
            path.parent.mkdir(parents=True, exist_ok=True)
        environment = runner_environment(
            context.space,
            place.group,
            place.phase,
            place.node,
            self._step.key,
            program.libraries,
            os.environ,
            per_node=operation.kind is Kind.RUNNER_TARGET,
            nodes_file=context.space.nodes_of(place.group, place.phase),
            password=program.password or operation.node_password or context.settings.exports_passwords,
        )
        return Launch(
            token="",
            folder=str(context.space.private(place.phase, place.node)),
            work=str(context.space.root),
            argv=(*program.command, *line.argv),
            environment=(*context.environment.items(), *exported(everywhere).items(), *environment),
        )

    def _on_target(self, line: CommandLine) -> Launch:
        context, place, operation = self._context, self._place, self._operation
        program = context.programs[place.phase, operation.id]
        name = f"autoexec-{context.job.id}-{place.node.resource_id}-{place.index}-{context.mark}"
        folder = posixpath.join(FOLDERS, name)
        output = posixpath.normpath(posixpath.join(folder, program.work, _OUTPUT_FILE))
        named = tuple(
            UploadFile(
                posixpath.join(program.work, "file", posixpath.basename(path)),
                (context.space.root / path).read_bytes(),
            )
            for path in line.paths
        )
        return Launch(
            token="",
            folder=folder,
            work=program.work,
            files=(*program.files, *named),
            argv=(*program.command, *line.argv),
            environment=target_environment(context.facts, place.phase, place.node, operation.id, output),
            collect=() if operation.outputs is None else (_OUTPUT_FILE,),
        )


def read_outputs(content: bytes, declared: tuple[Output, ...]) -> dict[str, Any]:
    """Return what an operation handed back, missing values filled with their defaults.

    Raises OutputError when the file holds something else than one JSON object.
    """
    found: Any = {}
    if content.strip():
        try:
            found = msgspec.json.decode(content)
        except msgspec.DecodeError as error:
            raise OutputError(f"{_OUTPUT_FILE} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise OutputError(f"{_OUTPUT_FILE} holds {type(found).__name__}; allowed: one JSON object")
    for item in declared:
        found.setdefault(item.name, item.default)
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
