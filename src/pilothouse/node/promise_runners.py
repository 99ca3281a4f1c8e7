"""The processes that run promises: one that is warm and forks for each partition, others for other Pythons."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec

_PROGRAM: Final = str(Path(__file__).with_name("promising") / "path")
_LONGEST: Final = 1024 * 1024  # bytes of one event
_COMPLAINT: Final = 64 * 1024
_PARTING: Final = 3.0  # seconds for a runner to end its promises after it was hung up on
_DROPPED: Final = frozenset(
    {
        "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONY2K", "PYTHONOPTIMIZE", "PYTHONDEBUG",
        "PYTHONDONTWRITEBYTECODE", "PYTHONINSPECT", "PYTHONUNBUFFERED", "PYTHONVERBOSE", "CONFIG_SITE", "ENV",
        "LOGNAME", "TEMP", "TMP", "TMPDIR", "LANG", "LANGUAGE",
    }
)  # fmt: skip


def cleaned(environment: Mapping[str, str], home: str) -> dict[str, str]:
    """Return the environment of processes that belong to a release or a partition (node spec 9.8.1)."""
    kept = {name: value for name, value in environment.items() if name not in _DROPPED and not name.startswith("LC_")}
    return {**kept, "HOME": home, "PYTHONNOUSERSITE": "true"}


class Conversation:
    """The events of one runner; iterate over it until the runner has said all."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self.complaint = ""

    async def __aiter__(self) -> AsyncIterator[Any]:
        """Yield the events; what cannot be read ends them."""
        with suppress(ValueError, ConnectionError):
            while line := await self._reader.readline():
                with suppress(msgspec.DecodeError):
                    yield msgspec.json.decode(line)


class Runners:
    """Starts runners, at most ``limit`` partitions at once; leave it when there is nothing more to check."""

    def __init__(self, limit: int | None = None) -> None:
        self._limit = asyncio.Semaphore(limit or 2 * (os.cpu_count() or 1))
        self._starting = asyncio.Lock()
        self._warm: subprocess.Popen[bytes] | None = None
        self._door: socket.socket | None = None

    async def __aenter__(self) -> Self:
        """Begin; processes are started when they are needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the warm process; the runners it forked have ended, or see that nobody listens."""
        if self._door is not None and self._warm is not None:
            self._door.close()
            await asyncio.to_thread(self._warm.wait)
            self._door = self._warm = None

    @asynccontextmanager
    async def conversation(self, python: str | None, request: dict[str, Any]) -> AsyncIterator[Conversation]:
        """Start a runner for a request. Leaving hangs up, which ends whatever the runner is running.

        Raises OSError when the Python cannot be started.
        """
        async with self._limit, AsyncExitStack() as stack:
            ours, theirs = socket.socketpair()
            with theirs:
                reader, writer = await asyncio.open_connection(sock=ours, limit=_LONGEST)
                stack.callback(writer.close)
                conversation = Conversation(reader)
                if python is None:
                    await self._fork(theirs)
                else:
                    await stack.enter_async_context(_other(python, theirs, request, conversation))
            stack.push_async_callback(_hang_up, reader, writer)
            writer.write(msgspec.json.encode({key: request[key] for key in request if key != "home"}) + b"\n")
            await writer.drain()
            yield conversation

    async def _fork(self, channel: socket.socket) -> None:
        async with self._starting:
            if self._door is None or self._warm is None or self._warm.poll() is not None:
                self._start()
        if self._door is not None:
            socket.send_fds(self._door, [b"."], [channel.fileno()])

    def _start(self) -> None:
        self._door, theirs = socket.socketpair()
        with theirs:
            self._warm = subprocess.Popen(
                [sys.executable, "-S", _PROGRAM, "serve", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Let the runner end what it is running, and see it end."""
    with suppress(OSError, TimeoutError):
        writer.write_eof()
        async with asyncio.timeout(_PARTING):
            while await reader.read(_LONGEST):
                continue


@asynccontextmanager
async def _other(
    python: str, channel: socket.socket, request: dict[str, Any], conversation: Conversation
) -> AsyncIterator[None]:
    """Run a single runner in another Python, as the partition's user from its first instruction on."""
    process = await asyncio.create_subprocess_exec(
        *(python, "-S", _PROGRAM, "one", str(channel.fileno())),
        pass_fds=[channel.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=request["partition"],
        env=cleaned(os.environ, request["home"]),
        start_new_session=True,
        **_identity(request),
    )
    reading = asyncio.create_task(_complaint(process, conversation))
    try:
        yield
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(reading), _PARTING)
    finally:
        await asyncio.shield(_end(process, reading))


async def _complaint(process: asyncio.subprocess.Process, conversation: Conversation) -> None:
    """Keep the first of what the process says that is no event."""
    if process.stderr is not None:
        while piece := await process.stderr.read(_COMPLAINT):
            conversation.complaint = (conversation.complaint + piece.decode("utf-8", "replace"))[:_COMPLAINT]


async def _end(process: asyncio.subprocess.Process, reading: asyncio.Task[None]) -> None:
    try:
        async with asyncio.timeout(_PARTING):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    reading.cancel()


def _identity(request: dict[str, Any]) -> dict[str, Any]:
    if os.geteuid() != 0 or not request["uid"] or not request["gid"]:
        return {}
    groups = os.getgrouplist(request["user"], request["gid"]) if request["user"] else [request["gid"]]
    return {"user": request["uid"], "group": request["gid"], "extra_groups": groups}
