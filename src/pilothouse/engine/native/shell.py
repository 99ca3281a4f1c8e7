"""Running ``$(command)`` on the runner for ``setenv``, only where the document asks for it by type ``rawtext``.

The command is the document's text as it stands: no value is ever put into it. Names that references could
use are in the command's environment, so ``${name}`` is expanded by the shell, as data.
"""

import asyncio
import os
import re
from typing import Any, Final

from pilothouse.engine.environment import exported
from pilothouse.engine.native.contract import Call, NativeError
from pilothouse.jobs.nodes import LOCAL
from pilothouse.jobs.references import expand
from pilothouse.jobs.substitutions import Command, split_commands
from pilothouse.transports.contract import Exit, Launch, Process

_OUTPUT_REFERENCE: Final = re.compile(r"\$\{[^{}]*\.[^{}]*\}")
# what the command says besides its result goes nowhere, or it would become part of the value
_QUIETLY: Final = 'exec 2>/dev/null; eval "$1"'
_LONGEST: Final = 1024 * 1024


async def substituted(call: Call, text: str) -> str:
    """Return a value with its references expanded and its commands replaced by what they print.

    Raises NativeError when a command fails, UnresolvedReferenceError.
    """
    parts = split_commands(text)
    return "".join(
        [await _run(call, part.text) if isinstance(part, Command) else expand(part, call.scope) for part in parts]
    )


async def _run(call: Call, command: str) -> str:
    if found := _OUTPUT_REFERENCE.search(command):
        raise NativeError(
            f"$({command}) holds {found[0]}; outputs are not put into commands: setenv it first, and use that variable"
        )
    said = bytearray()
    connection = await call.context.control.until_abort(call.context.connections.to(LOCAL))
    process = await connection.start(
        _launch(call, command), lambda chunk: said.extend(chunk[: _LONGEST + 1 - len(said)])
    )
    ended = await _wait(call, process)
    await process.settle(clean=True)
    if ended.code:
        raise NativeError(f"$({command}) ended with exit code {ended.code}")
    if len(said) > _LONGEST:
        raise NativeError(f"$({command}) printed more than {_LONGEST} bytes")
    return said.decode("utf-8", "replace").rstrip("\n")


async def _wait(call: Call, process: Process) -> Exit:
    call.context.control.running(process)
    try:
        return await process.exited()
    except asyncio.CancelledError:
        await process.abort()
        raise
    finally:
        call.context.control.ended(process)


def _launch(call: Call, command: str) -> Launch:
    known: dict[str, Any] = {}
    for names in reversed(call.scope.names):
        known |= names
    return Launch(
        token=os.urandom(8).hex(),
        folder=f"{call.context.space.private(call.place.phase, call.place.node)}-shell",
        work=str(call.context.space.root),
        argv=("sh", "-c", _QUIETLY, "sh", command),
        environment=tuple({**call.context.environment, **exported(known)}.items()),
    )
