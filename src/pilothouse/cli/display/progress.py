"""The observers that show a job: a live block on a terminal, plain lines in a pipe, JSON for programs.

Closing one twice does no harm; whoever made one closes it in a ``finally``, so that a cancelled job leaves
the terminal as it was. Writing happens in a worker thread: a terminal on hold (Ctrl-S) or a pager that does
not read must never stop the job, and terminals cannot be made non-blocking without doing so to the shell too.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TextIO

import msgspec

from pilothouse.cli.display.board import Board
from pilothouse.cli.display.hints import USUAL, Hints
from pilothouse.cli.display.palette import STYLES, Line, clean, marks_for, plain
from pilothouse.cli.display.summary import summary
from pilothouse.cli.display.wording import heartbeat, tell, working
from pilothouse.clock import Clock
from pilothouse.engine import events
from pilothouse.engine.events import Event
from pilothouse.jobs.nodes import Node

if TYPE_CHECKING:
    from rich.console import Console

SILENCE: Final = 30.0
FRAME: Final = 1 / 8
_PACE: Final = 0.05
_LEVELS: Final = {"WARN": STYLES["ignored"], "ERROR": STYLES["failed"]}


class JsonDisplay:
    """Writes one JSON object a line for each event; of nodes only what names them."""

    pace = _PACE

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout

    async def observe(self, events: Sequence[Event]) -> None:
        """Write the events."""
        text = "".join(f"{encode(event)}\n" for event in events)
        if not text.isascii() and not _encoding(self._stream).lower().startswith("utf"):
            text = "".join(f"{json.dumps(json.loads(line))}\n" for line in text.splitlines())
        await asyncio.to_thread(_write, self._stream, text)

    async def close(self) -> None:
        """Do nothing; every batch was flushed."""


def encode(event: Event) -> str:
    """Return the event as JSON with its kind as ``type``; a Secret inside would raise TypeError."""
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    shown = {name: _named(value) if isinstance(value, Node) else value for name, value in fields.items()}
    return msgspec.json.encode({"type": type(event).__name__, **shown}).decode()


def _named(node: Node) -> dict[str, Any]:
    return {"resourceId": node.resource_id, "host": node.host, "port": node.port, "name": node.name}


class PlainDisplay:
    """Writes a line for each thing worth knowing, and one after ``silence`` seconds of work without any."""

    pace = _PACE

    def __init__(
        self,
        clock: Clock,
        stream: TextIO | None = None,
        *,
        paths: Mapping[str, str] | None = None,
        hints: Hints = USUAL,
        silence: float = SILENCE,
    ) -> None:
        self.board = Board()
        self._clock = clock
        self._stream = stream or sys.stdout
        self._paths = paths
        self._hints = hints
        self._silence = silence
        self._said = clock.monotonic()
        self._beat: asyncio.Task[None] | None = None
        self._closed = False

    async def observe(self, events: Sequence[Event]) -> None:
        """Take note of the events and say what is worth it."""
        if self._beat is None:
            self._beat = asyncio.create_task(self._keep_beating())
        lines = []
        for event in events:
            self.board.fold(event)
            lines += tell(event, self.board)
        await self._say(lines)

    async def close(self) -> None:
        """Stop the heartbeat and write the summary."""
        if self._closed:
            return
        self._closed = True
        await _stop(self._beat)
        if self.board.started is not None:
            marks = marks_for(_encoding(self._stream))
            await self._say(
                [
                    "",
                    *plain(summary(self.board, paths=self._paths, hints=self._hints, marks=marks)),
                ]
            )

    async def _keep_beating(self) -> None:
        while True:
            quiet = self._clock.monotonic() - self._said
            if quiet >= self._silence and working(self.board):
                await self._say([heartbeat(self.board, self._clock.time())])
                quiet = 0.0
            await asyncio.sleep(max(self._silence / 10, self._silence - quiet))

    async def _say(self, lines: list[str]) -> None:
        if lines:
            self._said = self._clock.monotonic()
            await asyncio.to_thread(_write, self._stream, "".join(f"{line}\n" for line in lines))


class LiveDisplay:
    """Keeps a block of lines on a terminal up to date, and leaves a summary when it is closed.

    The terminal's size is asked for with each frame, so a changed window is followed within one.
    """

    pace = _PACE

    def __init__(
        self,
        clock: Clock,
        stream: TextIO | None = None,
        *,
        paths: Mapping[str, str] | None = None,
        hints: Hints = USUAL,
        console: "Console | None" = None,
        frame: float = FRAME,
    ) -> None:
        self.board = Board()
        self._clock = clock
        self._stream = stream or sys.stdout
        self._paths = paths
        self._hints = hints
        self._frame = frame
        self._console = console
        self._notices: list[Line] = []
        self._painter: asyncio.Task[None] | None = None
        self._over = asyncio.Event()
        self._closed = False

    async def observe(self, events: Sequence[Event]) -> None:
        """Take note of the events; the next frame shows them. Raises what made painting fail."""
        for event in events:
            self.board.fold(event)
            self._notice(event)
        if self._painter is None:
            self._painter = asyncio.create_task(self._keep_painting())
        elif self._painter.done():
            self._painter.result()

    async def close(self) -> None:
        """Replace the block by the summary and give the cursor back. Raises what made painting fail."""
        if self._closed:
            return
        self._closed = True
        self._over.set()
        if self._painter is not None:
            await self._painter

    def _notice(self, event: Event) -> None:
        if isinstance(event, events.Notice) and event.level in _LEVELS:
            style = _LEVELS[event.level]
            self._notices.append(((f"{event.level}: ", style), (clean(event.text), "")))

    async def _keep_painting(self) -> None:
        from pilothouse.cli.display.canvas import Canvas
        from pilothouse.cli.display.scene import View, scene

        canvas = Canvas(self._stream, self._console)
        try:
            while not self._over.is_set():
                notices, self._notices = self._notices, []
                width, height = canvas.size()
                view = View(
                    width=width,
                    height=height - 1,
                    now=self._clock.time(),
                    marks=canvas.marks,
                    colours=canvas.colours,
                )
                await asyncio.to_thread(canvas.paint, scene(self.board, view), notices)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._frame):
                        await self._over.wait()
        finally:
            final = summary(self.board, paths=self._paths, hints=self._hints, marks=canvas.marks)
            canvas.finish(final, self._notices)


def display_for(
    stream: TextIO,
    clock: Clock,
    *,
    as_json: bool = False,
    plain: bool = False,
    paths: Mapping[str, str] | None = None,
    hints: Hints = USUAL,
) -> JsonDisplay | PlainDisplay | LiveDisplay:
    """Return the display that suits the stream: JSON if asked for, live on a capable terminal, else plain."""
    if as_json:
        return JsonDisplay(stream)
    if not plain and stream.isatty() and os.environ.get("TERM", "dumb") not in {"dumb", "unknown"}:
        return LiveDisplay(clock, stream, paths=paths, hints=hints)
    return PlainDisplay(clock, stream, paths=paths, hints=hints)


async def _stop(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _encoding(stream: TextIO) -> str:
    return getattr(stream, "encoding", None) or "utf-8"


def _write(stream: TextIO, text: str) -> None:
    encoding = _encoding(stream)
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()
