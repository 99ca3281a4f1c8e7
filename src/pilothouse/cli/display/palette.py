"""The colours, marks and measures that all displays share. Lines are values: segments of text and style."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from pilothouse.jobs.nodes import Node

Segment = tuple[str, str]
Line = tuple[Segment, ...]

STYLES: Final[Mapping[str, str]] = {
    "succeeded": "green",
    "failed": "bold red",
    "running": "cyan",
    "waiting": "bold yellow",
    "pending": "bright_black",
    "skipped": "bright_blue",
    "ignored": "yellow",
    "completed": "yellow",
    "paused": "magenta",
    "aborted": "bold magenta",
}
DIM: Final = "bright_black"
STRONG: Final = "bold"

_MINUTE: Final = 60
_HOUR: Final = 3600
_TEN: Final = 10
_ESCAPES: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_a-z=>]")


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """The characters a terminal can show; ``bars`` are those of a bar without colours."""

    of: Mapping[str, str]
    bar: str
    bars: Mapping[str, str]
    more: str
    dot: str
    about: str
    tail: str


FANCY: Final = Marks(
    of={
        "succeeded": "✓",
        "failed": "✗",
        "running": "▸",
        "waiting": "?",
        "pending": "○",
        "skipped": "↷",
        "ignored": "!",
        "completed": "!",
        "paused": "‖",
        "aborted": "■",
    },
    bar="━",
    bars={"failed": "x", "aborted": "x", "running": "╍", "waiting": "?", "pending": "·"},
    more="…",
    dot="·",
    about="~",
    tail="│",
)
ASCII: Final = Marks(
    of={
        "succeeded": "+",
        "failed": "x",
        "running": ">",
        "waiting": "?",
        "pending": "o",
        "skipped": "-",
        "ignored": "!",
        "completed": "!",
        "paused": "=",
        "aborted": "#",
    },
    bar="=",
    bars={"failed": "x", "aborted": "x", "running": ">", "waiting": "?", "pending": "."},
    more="...",
    dot="-",
    about="~",
    tail="|",
)


def marks_for(encoding: str | None) -> Marks:
    """Return the richest marks that ``encoding`` can write."""
    try:
        "✓✗▸○↷‖■━╍…│".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return FANCY


def clean(text: str) -> str:
    """Return one line that a terminal cannot take for a command: no escapes, no control characters."""
    if text.isprintable():
        return text.rstrip()
    text = _ESCAPES.sub("", text.rstrip("\r\n"))
    # A carriage return overwrites the line, so what follows the last one is what a person would have seen.
    text = text.rsplit("\r", 1)[-1].expandtabs(4)
    return "".join(character if character.isprintable() else " " for character in text).rstrip()


def cells(text: str) -> int:
    """Return how many columns the text takes on a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, width: int, more: str) -> str:
    """Shorten the text to ``width`` columns, ending in ``more`` if something was lost."""
    if cells(text) <= width:
        return text
    room = width - cells(more)
    if room <= 0:
        return more[: max(0, width)]
    from rich.cells import set_cell_size

    # A wide character cut in half leaves a blank in its place.
    return set_cell_size(text, room).rstrip() + more


def pad(text: str, width: int, more: str) -> str:
    """Bring the text to exactly ``width`` columns."""
    short = cut(text, width, more)
    return short + " " * (width - cells(short))


def fit(line: Line, width: int, more: str) -> Line:
    """Shorten a line to ``width`` columns."""
    if sum(cells(text) for text, _ in line) <= width:
        return line
    left = width
    kept: list[Segment] = []
    for text, style in line:
        size = cells(text)
        # The mark goes where the text is cut, which may be the very end of a segment that would fit.
        if size >= left:
            kept.append((cut(text if size > left else text + " ", left, more), style))
            break
        kept.append((text, style))
        left -= size
    return tuple(kept)


def plain(lines: Iterable[Line]) -> list[str]:
    """Return lines without their styles."""
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def name_of(node: Node) -> str:
    """Return what a person calls the node: its name, else its address."""
    if node.name:
        return clean(node.name)
    return node.host if not node.port else f"{node.host}:{node.port}"


def full_name_of(node: Node) -> str:
    """Return name and address, as far as they differ."""
    if not node.name or node.name == node.host:
        return name_of(node)
    return f"{clean(node.name)} ({node.host})"


def duration(seconds: float) -> str:
    """Return ``0:42``, ``12:05`` or ``1:02:03``."""
    whole = int(seconds)
    minutes, rest = divmod(whole, _MINUTE)
    if whole < _HOUR:
        return f"{minutes}:{rest:02}"
    return f"{minutes // _MINUTE}:{minutes % _MINUTE:02}:{rest:02}"


def took(seconds: float) -> str:
    """Return how long something took: ``2.1 s``, then as `duration`."""
    return f"{seconds:.1f} s" if seconds < _MINUTE else duration(seconds)


def speed(rate: float) -> str:
    """Return ends per second, or per minute where that is easier to read."""
    if rate >= _TEN:
        return f"{rate:.0f}/s"
    if rate >= 1:
        return f"{rate:.1f}/s"
    return f"{rate * _MINUTE:.0f}/min"


def count(number: int, noun: str) -> str:
    """Return ``1 node``, ``2 nodes``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
