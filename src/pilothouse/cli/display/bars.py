"""Bars and counts of node runs, as segments of text and style."""

from typing import Final

from pilothouse.cli.display.board import Counts, Standing
from pilothouse.cli.display.palette import DIM, STYLES, Marks, Segment

# What is over stands left, what is to come right, what needs a person's eye where the two meet.
_BAR: Final = (
    Standing.SKIPPED,
    Standing.SUCCEEDED,
    Standing.IGNORED,
    Standing.PAUSED,
    Standing.ABORTED,
    Standing.FAILED,
    Standing.WAITING,
    Standing.RUNNING,
    Standing.PENDING,
)
_COUNTS: Final = (
    Standing.SUCCEEDED,
    Standing.SKIPPED,
    Standing.IGNORED,
    Standing.FAILED,
    Standing.ABORTED,
    Standing.PAUSED,
    Standing.WAITING,
    Standing.RUNNING,
    Standing.PENDING,
)
WORDS: Final = {standing: standing.value for standing in Standing} | {Standing.SUCCEEDED: "ok"}


def bar(counts: Counts, width: int, marks: Marks, *, colours: bool) -> list[Segment]:
    """Return a bar of ``width`` columns; every standing that occurs gets at least one, if there is room."""
    segments = []
    for standing, size in shares(counts, width):
        mark = marks.bar if colours else marks.bars.get(standing, marks.bar)
        segments.append((mark * size, STYLES[standing]))
    return segments or [(marks.bars["pending"] * width, DIM)]


def shares(counts: Counts, width: int) -> list[tuple[Standing, int]]:
    """Divide ``width`` columns among the standings that occur, in the order of a bar."""
    present = [standing for standing in _BAR if counts[standing]]
    if not present or width < len(present):
        return [(standing, 1) for standing in present[:width]]
    total = counts.total
    exact = {standing: counts[standing] * width / total for standing in present}
    sizes = {standing: max(1, int(exact[standing])) for standing in present}
    while (spare := width - sum(sizes.values())) != 0:
        step = 1 if spare > 0 else -1
        movable = [s for s in present if step > 0 or sizes[s] > 1]
        chosen = max(movable, key=lambda s: (exact[s] - sizes[s]) * step)
        sizes[chosen] += step
    return [(standing, sizes[standing]) for standing in present]


def words(counts: Counts, marks: Marks) -> list[Segment]:
    """Return ``✓ 37 ok   ✗ 4 failed``, without the standings that do not occur."""
    found = [(f"{marks.of[standing]} {number:,} {WORDS[standing]}", standing) for standing, number in _present(counts)]
    return _spaced(found, "   ")


def signs(counts: Counts, marks: Marks) -> list[Segment]:
    """Return ``✓37 ✗4``, the short form of `words`."""
    return _spaced([(f"{marks.of[standing]}{number}", standing) for standing, number in _present(counts)], " ")


def _present(counts: Counts) -> list[tuple[Standing, int]]:
    return [(standing, counts[standing]) for standing in _COUNTS if counts[standing]]


def _spaced(found: list[tuple[str, Standing]], gap: str) -> list[Segment]:
    return [(f"{gap if index else ''}{text}", STYLES[standing]) for index, (text, standing) in enumerate(found)]


def phrase(counts: Counts) -> str:
    """Return ``37 ok, 4 failed``."""
    return ", ".join(f"{counts[standing]} {WORDS[standing]}" for standing in _COUNTS if counts[standing]) or "no nodes"
