"""Machines that exist in memory only, for tests of the engine and of what users build on it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from pilothouse.errors import ConnectionLostError, TargetError, TransportError
from pilothouse.jobs.nodes import Node
from pilothouse.transports.contract import Exit, Kill, Launch, Sink

_FIRST_GROUP = 10_000


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What an operation will do.

    The pieces of ``output`` come ``delay`` seconds apart, then, after ``delay`` again, the end with ``code``.
    ``error`` is raised by ``start``; ``lost`` loses the connection instead of ending; ``hangs`` means that
    only an abort or the loss of the connection ends it.
    """

    output: tuple[bytes, ...] = ()
    code: int = 0
    collected: Mapping[str, bytes] = {}
    delay: float = 0.0
    error: TransportError | None = None
    lost: bool = False
    hangs: bool = False


Answer = Result | Callable[[Node, Launch], Result]


class FakeMachines(msgspec.Struct):
    """What outlives a transport, as real machines outlive an engine: hand it to the next FakeTransport."""

    kept: dict[tuple[str, str], Exit] = {}
    cleaned: list[tuple[str, str]] = []
    files: dict[tuple[str, str], bytes] = {}


class FakeTransport:
    """Answers from a script: ``results`` by node key and command line, else ``default``.

    ``refused`` maps node keys to the errors of their next connection attempts, one each. ``launches`` and
    ``kills`` record what was asked for, in order.
    """

    def __init__(
        self,
        results: Mapping[tuple[str, tuple[str, ...]], Answer] | None = None,
        *,
        default: Answer = Result(),  # noqa: B008 - a frozen value
        refused: Mapping[str, Sequence[TransportError]] | None = None,
        machines: FakeMachines | None = None,
    ) -> None:
        self.machines = machines or FakeMachines()
        self.launches: list[tuple[str, Launch]] = []
        self.kills: list[tuple[str, Kill]] = []
        self.connections = 0
        self.open_connections = 0
        self.peak_connections = 0
        self.closed = False
        self._results = dict(results or {})
        self._default = default
        self._refused = {key: list(errors) for key, errors in (refused or {}).items()}

    async def connect(self, node: Node) -> "FakeConnection":
        """Open a connection, or raise what was scripted."""
        await asyncio.sleep(0)
        if waiting := self._refused.get(node.key):
            raise waiting.pop(0)
        self.connections += 1
        self.open_connections += 1
        self.peak_connections = max(self.peak_connections, self.open_connections)
        return FakeConnection(self, node)

    async def close(self) -> None:
        """Note that the transport was closed."""
        self.closed = True

    def result(self, node: Node, launch: Launch) -> Result:
        """Return what the script says about a launch."""
        answer = self._results.get((node.key, launch.argv), self._default)
        return answer if isinstance(answer, Result) else answer(node, launch)


class FakeConnection:
    """A connection to a machine that does not exist."""

    def __init__(self, transport: FakeTransport, node: Node) -> None:
        self._transport = transport
        self._node = node
        self._processes: list[FakeProcess] = []
        self._open = True

    async def start(self, launch: Launch, sink: Sink) -> "FakeProcess":
        """Start what the script says; an exit kept under the token is adopted instead."""
        if not self._open:
            raise ConnectionLostError(f"{self._node.key}: the connection is closed")
        transport = self._transport
        kept = transport.machines.kept.get((self._node.key, launch.token))
        if kept is None:
            transport.launches.append((self._node.key, launch))
            result = transport.result(self._node, launch)
            if result.error is not None:
                raise result.error
        else:
            result = Result()
        process = FakeProcess(transport, self._node, launch, sink, result, kept)
        self._processes.append(process)
        return process

    async def upload(self, local: str, remote: str) -> None:
        """Keep the file's content in ``machines.files``."""
        self._transport.machines.files[self._node.key, remote] = await asyncio.to_thread(Path(local).read_bytes)

    async def download(self, remote: str, local: str) -> None:
        """Write what was uploaded or put into ``machines.files``."""
        content = self._transport.machines.files.get((self._node.key, remote))
        if content is None:
            raise TargetError(f"{self._node.key}: {remote}: no such file")
        await asyncio.to_thread(Path(local).write_bytes, content)

    async def close(self) -> None:
        """Close; what still runs is ended, as a real machine would."""
        if self._open:
            self._open = False
            self._transport.open_connections -= 1
            for process in self._processes:
                process.lose()


class FakeProcess:
    """One scripted operation."""

    def __init__(
        self, transport: FakeTransport, node: Node, launch: Launch, sink: Sink, result: Result, kept: Exit | None
    ) -> None:
        self.group: int | None = _FIRST_GROUP + len(transport.launches)
        self._transport = transport
        self._node = node
        self._launch = launch
        self._sink = sink
        self._result = result
        self._reading = asyncio.Event()
        self._reading.set()
        self._ended: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None
        if kept is None:
            self._task = asyncio.create_task(self._play())
        else:
            self._ended.set_result(msgspec.structs.replace(kept, adopted=True))

    def pause_reading(self) -> None:
        """Hold the output back."""
        self._reading.clear()

    def resume_reading(self) -> None:
        """Let the output come."""
        self._reading.set()

    async def begun(self) -> None:
        """Do not wait: it runs at once."""

    async def exited(self) -> Exit:
        """Wait for the scripted end. Raises ConnectionLostError, TargetError."""
        return await asyncio.shield(self._ended)

    async def settle(self, *, clean: bool) -> None:
        """Forget the kept exit; ``clean`` is noted in ``machines.cleaned``."""
        self._transport.machines.kept.pop(self._key, None)
        if clean:
            self._transport.machines.cleaned.append((self._node.key, self._launch.folder))

    async def abort(self) -> Kill:
        """End it at once."""
        alive = not self._ended.done()
        if alive:
            self._fail(TargetError(f"{self._node.key}: the operation was aborted"))
        kill = Kill("killed" if alive else "already gone", self.group)
        self._transport.kills.append((self._node.key, kill))
        return kill

    def lose(self) -> None:
        """Cut the operation off from its engine."""
        if not self._ended.done():
            self._fail(ConnectionLostError(f"{self._node.key}: the connection was lost"))

    @property
    def _key(self) -> tuple[str, str]:
        return (self._node.key, self._launch.token)

    def _fail(self, error: TransportError) -> None:
        self._ended.set_exception(error)
        self._ended.exception()  # nobody waiting for it is no fault
        if self._task is not None:
            self._task.cancel()

    async def _play(self) -> None:
        result = self._result
        for piece in result.output:
            await asyncio.sleep(result.delay)
            await self._reading.wait()
            self._sink(piece)
        await asyncio.sleep(result.delay)
        if result.hangs:
            await asyncio.Event().wait()
        if result.lost:
            self.lose()
            return
        wanted = {name: data for name, data in result.collected.items() if name in self._launch.collect}
        ended = Exit(code=result.code, collected=wanted if result.code == 0 else {})
        self._transport.machines.kept[self._key] = ended
        self._ended.set_result(ended)
