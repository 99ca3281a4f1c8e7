"""A block of lines at the bottom of a terminal that is painted over in place."""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import TextIO

from rich.console import Console
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType
from rich.text import Text

from pilothouse.cli.display.palette import Line, cells, marks_for

# Terminals that know it show the frame between these two at once; the others ignore them.
_HOLD = "\x1b[?2026h"
_SHOW = "\x1b[?2026l"


class TerminalConsole(Console):
    """A console that reports a terminal that went away, where the original would end the whole process."""

    def on_broken_pipe(self) -> None:
        """Pass the error on to whoever paints; the job goes on without its display."""
        raise BrokenPipeError("the terminal went away")


class Canvas:
    """Paints lines; used by one thread at a time."""

    def __init__(self, stream: TextIO, console: Console | None = None) -> None:
        own = stream is sys.stdout
        self._console = console or TerminalConsole(file=stream, highlight=False, markup=False, emoji=False)
        self._live = Live(console=self._console, auto_refresh=False, redirect_stdout=own, redirect_stderr=own)
        self._painted: Sequence[Line] = ()
        self._width = 0
        self.marks = marks_for(self._console.encoding)
        self.colours = self._console.color_system is not None and not self._console.no_color

    def size(self) -> tuple[int, int]:
        """Return the columns and rows of the terminal as it is now."""
        return self._console.size.width, self._console.size.height

    def paint(self, lines: Sequence[Line], notices: Sequence[Line] = ()) -> None:
        """Show the lines in place of those before; notices go above and stay."""
        width, _ = self.size()
        if list(lines) == list(self._painted) and width == self._width and not notices:
            return
        with self._held():
            self._live.start()
            self._unwrap(width)
            if notices:
                self._console.print(_text(notices), soft_wrap=True)
            self._live.update(_text(lines), refresh=True)
        self._painted, self._width = lines, width

    def finish(self, lines: Sequence[Line], notices: Sequence[Line] = ()) -> None:
        """Leave the lines in place of the block, and give the cursor back."""
        if self._live.is_started:
            self._unwrap(self.size()[0])
            if notices:
                self._console.print(_text(notices), soft_wrap=True)
            self._live.update(_text(lines, wrap=True))
            self._live.stop()
        else:
            self._console.print(_text([*notices, *lines], wrap=True))

    def _unwrap(self, width: int) -> None:
        """Erase the rows that a narrower window made of one painted line, which Live does not know of."""
        if width >= self._width or not self._painted:
            return
        sizes = (sum(cells(text) for text, _ in line) for line in self._painted)
        extra = sum(max(1, -(-size // width)) - 1 for size in sizes)
        step = ((ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1))
        self._console.control(*(Control(*step) for _ in range(extra)))

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        if not self._console.is_terminal:
            yield
            return
        self._console.file.write(_HOLD)
        try:
            yield
        finally:
            self._console.file.write(_SHOW)
            self._console.file.flush()


def _text(lines: Sequence[Line], *, wrap: bool = False) -> Text:
    joined = Text("\n").join(Text.assemble(*line) for line in lines)
    joined.no_wrap = not wrap
    joined.overflow = "fold" if wrap else "crop"
    return joined
