"""Files that several operations of a job use: sent to each machine once, and kept there for the job's life (D21)."""

import asyncio
import contextlib
import hashlib
import os
from collections import Counter
from collections.abc import Callable
from typing import Final

import msgspec

from pilothouse.engine.program import Program, Programs
from pilothouse.errors import PilothouseError
from pilothouse.jobs.document import Job, Kind, Loop, each, placed
from pilothouse.transports.contract import Connection, Launch, Process, Sink, UploadFile

FOLDERS: Final = "/tmp"  # noqa: S108 - the documented place on targets; the folders there are private and checked
# below this a file is hardly longer than what would stand for it
_WORTH: Final = 256
_CLEAR_SECONDS: Final = 5.0


def with_digests(programs: Programs, job: Job) -> Programs:
    """Return the programs; files that a node needs more than once have their digests."""
    looped = {
        (phase, inner.id)
        for phase, _, operation in placed(job)
        if isinstance(operation.block, Loop)
        for _, inner in each(operation.block.operations)
    }
    remote = {(phase, operation.id) for phase, _, operation in placed(job) if operation.kind is Kind.TARGET}
    uses: Counter[bytes] = Counter()
    for place in remote & programs.keys():
        for content in {file.content for file in programs[place].files}:
            uses[content] += 2 if place in looped else 1
    digests = {
        content: hashlib.sha256(content).hexdigest()
        for content, count in uses.items()
        if count > 1 and len(content) >= _WORTH
    }
    return {place: _marked(program, digests) for place, program in programs.items()}


class Store:
    """What one machine is known to keep for the job, as far as the connection in use has sent it.

    Nothing is believed after a connection was lost; a machine that forgot something says so.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._known: set[str] = set()
        self._sending = asyncio.Lock()

    async def start(
        self, connection: Connection, launch: Launch, sink: Sink, note: Callable[[Process], None]
    ) -> Process:
        """Start an operation without sending what the machine keeps, or what another one is just sending.

        ``note`` is told the process at once; this waits until what was to be sent lies there. Raises TransportError.
        """
        digests = {file.digest for file in launch.files if file.digest}
        if digests <= self._known:
            process = await connection.start(self._fill(launch), sink)
            note(process)
            return process
        async with self._sending:
            process = await connection.start(self._fill(launch), sink)
            note(process)
            await process.begun()
            self._known |= digests
            return process

    def _fill(self, launch: Launch) -> Launch:
        if not any(file.digest for file in launch.files):
            return launch
        return msgspec.structs.replace(launch, store=self._folder, there=frozenset(self._known))

    def doubt(self) -> None:
        """Believe nothing any more."""
        self._known.clear()

    async def clear(self, connection: Connection) -> None:
        """Have the machine remove what it keeps; one that cannot be asked removes it some days later by itself."""
        if not self._known:
            return
        self._known.clear()
        # an operation whose private folder is the store: its end takes the folder along
        launch = Launch(token=os.urandom(8).hex(), folder=self._folder, argv=("true",))
        with contextlib.suppress(PilothouseError, OSError, TimeoutError):
            async with asyncio.timeout(_CLEAR_SECONDS):
                process = await connection.start(launch, _nothing)
                await process.exited()
                await process.settle(clean=True)


def _marked(program: Program, digests: dict[bytes, str]) -> Program:
    if not any(file.content in digests for file in program.files):
        return program
    files = tuple(
        UploadFile(file.name, file.content, file.mode, digests.get(file.content, "")) for file in program.files
    )
    return msgspec.structs.replace(program, files=files)


def _nothing(_: bytes) -> None:
    """Take the output of an operation that has none."""
