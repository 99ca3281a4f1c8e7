"""Lines on their way out: colours on a terminal that wants them, plain text everywhere else."""

import os
from collections.abc import Iterable, Mapping
from typing import Final, TextIO

from pilothouse.cli.display.palette import ASCII, Line, Marks, marks_for

_CODES: Final = {
    "bold": "1",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "magenta": "35",
    "cyan": "36",
    "bright_black": "90",
    "bright_blue": "94",
}


def coloured(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the stream is a terminal with colours (``NO_COLOR`` switches them off)."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM", "dumb") not in {"dumb", "unknown"}


def marks_of(stream: TextIO) -> Marks:
    """Return the marks that the stream can show."""
    return marks_for(stream.encoding) if stream.encoding else ASCII


def put(lines: Iterable[Line], stream: TextIO) -> None:
    """Write the lines; characters that the stream cannot write are shown by their numbers."""
    colours = coloured(stream)
    encoding = stream.encoding or "utf-8"
    text = "".join(f"{_joined(line, colours=colours)}\n" for line in lines)
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def paint(text: str, style: str) -> str:
    """Return the text in a style of the palette, as escape sequences."""
    codes = ";".join(_CODES[word] for word in style.split() if word in _CODES)
    return f"\x1b[{codes}m{text}\x1b[0m" if codes and text else text


def _joined(line: Line, *, colours: bool) -> str:
    if not colours:
        return "".join(text for text, _ in line).rstrip()
    return "".join(paint(text, style) for text, style in line)
