"""Failure patterns over a node's log (spec section 5.6, D30). Pure."""

import re
from collections.abc import Iterable
from typing import Final

import msgspec

_SHOWN: Final = 200


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """Patterns that mean failure when one of them (``every``: all of them) matches a line that ``exclude`` spares.

    With ``warn_only`` a match is said, and nothing fails.
    """

    patterns: tuple[re.Pattern[str], ...]
    every: bool = False
    exclude: re.Pattern[str] | None = None
    warn_only: bool = False

    def matches(self, line: str) -> bool:
        """Whether a line means failure."""
        found = (pattern.search(line) is not None for pattern in self.patterns)
        if not (all(found) if self.every else any(found)):
            return False
        return self.exclude is None or self.exclude.search(line) is None

    def __str__(self) -> str:
        """Return the patterns as the log shows them."""
        return (" and " if self.every else " or ").join(pattern.pattern for pattern in self.patterns)


class Alarm:
    """The watches of one node in one phase, and what they have seen of the operation under way."""

    def __init__(self) -> None:
        self._watches: dict[str, Watch] = {}
        self._rung: set[str] = set()
        self._verdict = ""

    @property
    def armed(self) -> bool:
        """Whether lines need to be looked at."""
        return bool(self._watches)

    def arm(self, name: str, watch: Watch) -> None:
        """Look at every line from now on; the same name again takes the old one's place."""
        self._watches[name] = watch

    def look(self, lines: Iterable[str]) -> list[str]:
        """Return the lines with one more after each that rings, once for each watch and operation."""
        found = []
        for line in lines:
            found.append(line)
            for name, watch in self._watches.items():
                if name not in self._rung and watch.matches(line):
                    self._rung.add(name)
                    found.append(self._ring(watch, line))
        return found

    def begin(self) -> None:
        """Forget what was seen: an operation begins."""
        self._rung.clear()
        self._verdict = ""

    @property
    def verdict(self) -> str:
        """Why the operation under way has failed; empty when nothing rang."""
        return self._verdict

    def _ring(self, watch: Watch, line: str) -> str:
        text = f"a line matches the failure pattern {watch}"
        if watch.warn_only:
            return f"WARN: {text}; only warned of"
        self._verdict = self._verdict or f"{text}: {line[:_SHOWN]}"
        return f"ERROR: {text}"
