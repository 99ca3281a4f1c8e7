"""``sshcmd`` at work: all hosts at once, up to a limit, their lines printed as they come."""

import asyncio
import secrets
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, TextIO

import msgspec

from pilothouse.cli.display.palette import clean, count, took
from pilothouse.cli.display.paper import coloured, paint
from pilothouse.cli.display.ranges import named
from pilothouse.engine.lines import LineReader
from pilothouse.errors import ConnectionLostError, PilothouseError
from pilothouse.jobs.nodes import Node
from pilothouse.secrets.mask import Masker
from pilothouse.settings import Settings
from pilothouse.transports.contract import Launch, Process
from pilothouse.transports.ssh import SshTransport

# in the home folder as after a login; the words themselves are never seen by a shell's parser
_AT_HOME: Final = 'cd 2>/dev/null; "$@"'
_MOST_WAITING: Final = 5000


class Outcome(msgspec.Struct, frozen=True):
    """How a host ended; ``reason`` is empty when its command succeeded."""

    label: str
    reason: str
    seconds: float


def run_on_all(nodes: Sequence[Node], words: Sequence[str], settings: Settings, parallel: int) -> int:
    """Run the command on all nodes and print what they say; returns how many failed, all when interrupted."""
    try:
        outcomes = asyncio.run(_run(nodes, words, settings, parallel))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("sshcmd: interrupted; the command was ended where it was running", file=sys.stderr)
        return len(nodes)
    failed = [item.label for item in outcomes if item.reason]
    if len(outcomes) > 1:
        bad = f", {len(failed):,} failed: {named(failed)}" if failed else ""
        print(f"{count(len(outcomes), 'host')}: {len(outcomes) - len(failed):,} ok{bad}")
    return len(failed)


def labels(nodes: Sequence[Node]) -> list[str]:
    """Return the shortest of ``host``, ``host:port`` and ``user@host:port`` that tells the nodes apart."""
    forms = [
        [node.host for node in nodes],
        [f"{node.host}:{node.protocol_port}" for node in nodes],
        [f"{node.username}@{node.host}:{node.protocol_port}" for node in nodes],
    ]
    return next((form for form in forms if len(set(form)) == len(form)), _numbered(forms[-1]))


def _numbered(names: list[str]) -> list[str]:
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return found


class Printer:
    """Takes lines of all hosts and writes them in a task of its own, so that a slow reader holds up nothing else."""

    def __init__(self, stream: TextIO, masker: Masker, width: int) -> None:
        self.colours = coloured(stream)
        self._stream = stream
        self._terminal = stream.isatty()
        self._masker = masker
        self._width = width
        self._waiting: list[str] = []
        self._some = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._finished = False

    @property
    def behind(self) -> bool:
        """Whether more lines wait than should."""
        return not self._room.is_set()

    def put(self, label: str, lines: Sequence[str]) -> None:
        """Take lines of a host; without a width, lines have no label."""
        prefix = f"{label:{self._width}} | " if self._width else ""
        prefix = paint(prefix, "cyan") if self.colours else prefix
        shown = (self._masker.mask(line) for line in lines)
        self._add(f"{prefix}{clean(line) if self._terminal else line}\n" for line in shown)

    def verdict(self, outcome: Outcome) -> None:
        """Take the last line of a host."""
        word, style = ("ERROR", "bold red") if outcome.reason else ("FINE", "green")
        text = outcome.reason or f"succeeded in {took(outcome.seconds)}"
        self._add([f"{paint(word, style) if self.colours else word}: {outcome.label}: {self._masker.mask(text)}\n"])

    async def room(self) -> None:
        """Wait until there is room for more lines."""
        await self._room.wait()

    async def run(self) -> None:
        """Write until ``finish`` is called and everything is written. Raises OSError."""
        while self._waiting or not self._finished:
            await self._some.wait()
            self._some.clear()
            texts, self._waiting = self._waiting, []
            await asyncio.to_thread(self._write, "".join(texts))
            self._room.set()

    def finish(self) -> None:
        """Let ``run`` return once everything is written."""
        self._finished = True
        self._some.set()

    def _add(self, texts: Iterable[str]) -> None:
        self._waiting.extend(texts)
        self._some.set()
        if len(self._waiting) > _MOST_WAITING:
            self._room.clear()

    def _write(self, text: str) -> None:
        encoding = self._stream.encoding or "utf-8"
        self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        self._stream.flush()


class _Run:
    """What all hosts share."""

    def __init__(self, words: Sequence[str], settings: Settings, parallel: int, printer: Printer) -> None:
        self.transport = SshTransport(settings)
        self.printer = printer
        self._argv = ("sh", "-c", _AT_HOME, "sshcmd", *words)
        self._settings = settings
        self._turn = asyncio.Semaphore(parallel)

    async def host(self, node: Node, label: str) -> Outcome:
        """Run the command on a host; its failure is an outcome, never an exception."""
        async with self._turn:
            started = time.monotonic()
            try:
                reason = await self._operate(node, label)
            except (PilothouseError, OSError) as error:
                reason = str(error).removeprefix(f"{node.key}: ")
            outcome = Outcome(label, reason, time.monotonic() - started)
        self.printer.verdict(outcome)
        return outcome

    async def _operate(self, node: Node, label: str) -> str:
        connection = await self.transport.connect(node)
        try:
            token = secrets.token_hex(8)
            launch = Launch(token=token, folder=f"/tmp/.sshcmd-{token}", argv=self._argv)  # noqa: S108 - private
            speech = _Speech(self.printer, label, self._settings.encodings)
            process = await connection.start(launch, speech.sink)
            speech.process = process
            try:
                ended = await process.exited()
            except (asyncio.CancelledError, ConnectionLostError):
                # the command and the folder of its process are not left behind
                await asyncio.shield(process.abort())
                raise
            await speech.finish()
            await process.settle(clean=True)
        finally:
            await connection.close()
        return f"exit code {ended.code}" if ended.code else ""


class _Speech:
    """What one host says."""

    def __init__(self, printer: Printer, label: str, encodings: tuple[str, ...]) -> None:
        self.process: Process | None = None
        self._printer = printer
        self._label = label
        self._reader = LineReader(encodings)
        self._hold: asyncio.Task[None] | None = None

    def sink(self, data: bytes) -> None:
        self._printer.put(self._label, self._reader.feed(data))
        if self._printer.behind and self.process is not None and self._hold is None:
            self._hold = asyncio.create_task(self._pause(self.process))

    async def finish(self) -> None:
        if self._hold is not None:
            await self._hold
        self._printer.put(self._label, self._reader.flush())

    async def _pause(self, process: Process) -> None:
        process.pause_reading()
        await self._printer.room()
        process.resume_reading()
        self._hold = None


async def _run(nodes: Sequence[Node], words: Sequence[str], settings: Settings, parallel: int) -> list[Outcome]:
    names = labels(nodes)
    masker = Masker(node.password for node in nodes if node.password)
    printer = Printer(sys.stdout, masker, max(map(len, names)) if len(nodes) > 1 else 0)
    run = _Run(words, settings, parallel, printer)
    current = asyncio.current_task()
    assert current is not None  # noqa: S101 - this is a task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, current.cancel)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(printer.run())
            async with asyncio.TaskGroup() as hosts:
                tasks = [hosts.create_task(run.host(node, name)) for node, name in zip(nodes, names, strict=True)]
            printer.finish()
    except BaseExceptionGroup as several:
        raise _first(several) from None
    finally:
        await run.transport.close()
    return [task.result() for task in tasks]


def _first(several: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = several
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
