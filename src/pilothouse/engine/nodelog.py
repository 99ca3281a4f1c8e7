"""What a node's operations print, on its way to the observers: joined into lines, masked, counted."""

import asyncio
from typing import Final

from pilothouse.clock import Clock
from pilothouse.engine.alarm import Alarm
from pilothouse.engine.events import EventStream, Lines
from pilothouse.engine.lines import LineReader
from pilothouse.jobs.nodes import Node
from pilothouse.secrets.mask import Masker
from pilothouse.transports.contract import Process

_WARNINGS: Final = ("ERROR:", "WARN:")


class NodeLog:
    """The log of one node in one phase. ``warnings`` counts lines that start with ERROR: or WARN:."""

    def __init__(
        self,
        stream: EventStream,
        clock: Clock,
        masker: Masker,
        encodings: tuple[str, ...],
        phase: str,
        node: Node,
        charset: str = "",
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._masker = masker
        self._reader = LineReader(encodings, charset)
        self._phase = phase
        self._node = node
        self._process: Process | None = None
        self._pause: asyncio.Task[None] | None = None
        self.warnings = 0
        self.alarm = Alarm()

    def sink(self, chunk: bytes) -> None:
        """Take output bytes as they come; slows the process down when the observers lag behind."""
        self._publish(self._reader.feed(chunk))
        if self._stream.behind and self._pause is None and self._process is not None:
            self._pause = asyncio.create_task(self._hold(self._process))

    def hide(self, *secrets: str) -> None:
        """Mask these texts from now on."""
        for secret in secrets:
            self._masker.add(secret)

    def shown(self, text: str) -> str:
        """Return a text of the engine's own as it may be shown."""
        return self._masker.mask(text)

    def attach(self, process: Process) -> None:
        """Name the process to be slowed down."""
        self._process = process

    def write(self, *lines: str) -> None:
        """Add lines of the engine's own."""
        self._publish(list(lines))

    async def finish(self) -> None:
        """Publish what is left of an operation's output."""
        if self._pause is not None:
            await self._pause
        self._publish(self._reader.flush())
        self._process = None

    async def _hold(self, process: Process) -> None:
        process.pause_reading()
        await self._stream.ready()
        process.resume_reading()
        self._pause = None

    def _publish(self, lines: list[str]) -> None:
        if not lines:
            return
        shown = tuple(map(self._masker.mask, lines)) if self._masker.active else tuple(lines)
        if self.alarm.armed:
            shown = tuple(self.alarm.look(shown))
        self.warnings += sum(line.startswith(_WARNINGS) for line in shown)
        self._stream.publish(Lines(at=self._clock.time(), phase=self._phase, node=self._node, lines=shown))
