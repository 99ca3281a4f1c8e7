"""The machine the engine runs on, as one of the machines it can reach."""

import asyncio
import contextlib
from typing import Final, cast

from pilothouse.errors import TargetError
from pilothouse.jobs.nodes import Node
from pilothouse.transports import launcher
from pilothouse.transports.contract import Launch, Sink
from pilothouse.transports.dialogue import Dialogue
from pilothouse.transports.operation import Operation

_OUTPUT: Final = 1
_CONTROL: Final = 2
_CLOSE_SECONDS: Final = 10.0


class LocalTransport:
    """Runs operations here, with the same program and the same promises as on any other machine."""

    async def connect(self, node: Node) -> "LocalConnection":
        """Return a connection; this machine is always there."""
        return LocalConnection(node)

    async def close(self) -> None:
        """Do nothing: nothing is held."""


class LocalConnection:
    """The operations of one job here."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._pipes: set[_Pipes] = set()

    async def start(self, launch: Launch, sink: Sink) -> Operation:
        """Start an operation. Raises TargetError."""
        program = launcher.render(launch)
        dialogue = Dialogue(launch, sink, self._node.key)
        try:
            _, pipes = await asyncio.get_running_loop().subprocess_exec(
                lambda: _Pipes(dialogue, self._pipes),
                *("sh", "-c", program.script),
                start_new_session=True,
            )
        except OSError as error:
            raise TargetError(f"{self._node.key}: sh cannot be started: {error.strerror}") from None
        pipes.send(program.text)
        return Operation(dialogue, pipes, None)

    async def upload(self, local: str, remote: str) -> None:
        """Copy a file, mode kept. Raises OSError."""
        await _copy(local, remote)

    async def download(self, remote: str, local: str) -> None:
        """Copy a file, mode kept. Raises OSError."""
        await _copy(remote, local)

    async def close(self) -> None:
        """End the operations still running, and wait until they are gone."""
        await asyncio.gather(*(pipes.close() for pipes in tuple(self._pipes)))


class _Pipes(asyncio.SubprocessProtocol):
    """The three pipes to a program running here."""

    def __init__(self, dialogue: Dialogue, registry: "set[_Pipes]") -> None:
        self._dialogue = dialogue
        self._registry = registry
        self._exited = asyncio.Event()
        # kept here: pipes of early Python 3.11 cannot say whether they are being read
        self._paused = False
        self._transport: asyncio.SubprocessTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)
        self._registry.add(self)

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        data = cast("bytes", data)
        if fd == _OUTPUT:
            self._dialogue.output(data)
        else:
            self._dialogue.control(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == _OUTPUT:
            self._dialogue.output_closed()
        elif fd == _CONTROL:
            self._dialogue.control_closed("its sh was ended from outside")

    def process_exited(self) -> None:
        self._exited.set()
        # when only the shell was killed, its watcher still listens: this tells it to end the operation
        self._close_stdin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._registry.discard(self)

    def send(self, data: bytes) -> None:
        stdin = cast("asyncio.WriteTransport | None", self._transport.get_pipe_transport(0))
        if stdin is not None and not stdin.is_closing():
            stdin.write(data)

    def pause(self) -> None:
        output = cast("asyncio.ReadTransport | None", self._transport.get_pipe_transport(_OUTPUT))
        if output is not None and not self._paused:
            self._paused = True
            output.pause_reading()

    def resume(self) -> None:
        output = cast("asyncio.ReadTransport | None", self._transport.get_pipe_transport(_OUTPUT))
        if output is not None and self._paused and not output.is_closing():
            self._paused = False
            output.resume_reading()

    async def close(self) -> None:
        self._registry.discard(self)
        self._close_stdin()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._exited.wait()
        finally:
            # also when nobody waits any more: the pipes would outlive the event loop
            self._transport.close()

    def _close_stdin(self) -> None:
        stdin = self._transport.get_pipe_transport(0)
        if stdin is not None:
            stdin.close()


async def _copy(source: str, target: str) -> None:
    import shutil  # noqa: PLC0415 - few jobs copy files here

    await asyncio.to_thread(shutil.copy, source, target)
