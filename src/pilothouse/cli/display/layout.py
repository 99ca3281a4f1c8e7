"""How the rows of a terminal are divided among the parts of the live display: pure numbers."""

from collections.abc import Sequence
from typing import Final

import msgspec

MOST_FAILURES: Final = 8
MOST_RUNNING: Final = 10
MOST_TAIL: Final = 3
_FEW: Final = 3
_SOME: Final = 5
_TITLE: Final = 2


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of each part, titles and the blank lines before them not counted.

    ``failures`` includes the row that tells how many more there are; ``tail`` is the number of output lines
    below each failure.
    """

    active: int
    over: int
    failures: int
    tail: int
    running: int


def divide(rows: int, *, active: int, over: int, failed: int, tails: Sequence[int], running: int) -> Layout:
    """Divide ``rows`` among active and ended phases, failures and running nodes.

    ``failed`` counts all failures, ``tails`` the output lines that each of the newest has. Every part gets
    its least first, failures before nodes at work; what is left goes where it tells most.
    """
    room = _Room(rows)
    phases = room.take(min(active, max(1, (rows - 1) // 3)), title=1)
    wish = min(failed, MOST_FAILURES) + (failed > MOST_FAILURES)
    floor = _TITLE + 1 if running else 0
    failures = room.take(wish, title=_TITLE, spare=floor) or room.take(wish, title=_TITLE)
    working = room.take(min(running, _SOME), title=_TITLE)
    shown = tails[: shown_of(failed, failures)]
    tail = room.deepen(shown, 0, 1)
    ended = room.take(min(over, _FEW), title=0 if phases else 1)
    if working:
        working += room.take(min(running, MOST_RUNNING) - working)
    tail = room.deepen(shown, tail, MOST_TAIL)
    ended += room.take(over - ended, title=0 if phases or ended else 1)
    return Layout(active=phases, over=ended, failures=failures, tail=tail, running=working)


def shown_of(total: int, rows: int) -> int:
    """Return how many of ``total`` are shown in ``rows``, one of which tells of the others if there are two."""
    return rows if total <= rows or rows <= 1 else rows - 1


class _Room:
    """The rows that are still free."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def take(self, wish: int, title: int = 0, spare: int = 0) -> int:
        """Take up to ``wish`` rows and their title, leaving ``spare``; nothing if no row is left for content."""
        granted = min(wish, self.rows - title - spare)
        if granted <= 0:
            return 0
        self.rows -= granted + title
        return granted

    def deepen(self, tails: Sequence[int], depth: int, most: int) -> int:
        """Take rows for further output lines, for all failures or none of them; return the new depth."""
        while depth < most and (further := sum(length > depth for length in tails)) and further <= self.rows:
            self.rows -= further
            depth += 1
        return depth
