"""The one clock: time is an input, so tests can set it."""

import time
from typing import Protocol


class Clock(Protocol):
    """Where the product reads the time."""

    def time(self) -> float:
        """Return seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start; never goes backwards."""
        ...


class SystemClock:
    """The machine's clock."""

    def time(self) -> float:
        """Return seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start; never goes backwards."""
        return time.monotonic()


class ManualClock:
    """A clock that moves only when told to; public so that users can test against it too."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self.now = start

    def time(self) -> float:
        """Return the time it was set to."""
        return self.now

    def monotonic(self) -> float:
        """Return the time it was set to."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Move forward by ``seconds``."""
        self.now += seconds


def stamp(seconds: float, pattern: str) -> str:
    """Format ``seconds`` since the epoch as local time, as logs and history names show it."""
    return time.strftime(pattern, time.localtime(seconds))
