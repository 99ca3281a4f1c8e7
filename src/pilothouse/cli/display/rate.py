"""How fast node runs end: counts per second in a sliding window, from the times of events only."""

from collections import deque
from typing import Final

WINDOW: Final = 30.0
_ENOUGH: Final = 3


class Rate:
    """Counts ends in one-second buckets, so its size depends on the window, never on the number of nodes."""

    def __init__(self, window: float = WINDOW) -> None:
        self._window = window
        self._buckets: deque[list[int]] = deque()
        self._total = 0

    def add(self, at: float) -> None:
        """Count one end at ``at`` seconds since the epoch; times may be slightly out of order."""
        second = int(at)
        self._total += 1
        if self._buckets and second <= self._buckets[-1][0]:
            self._buckets[-1][1] += 1
            return
        self._buckets.append([second, 1])
        while self._buckets[0][0] <= second - self._window:
            self._buckets.popleft()

    def per_second(self, started: float, now: float) -> float:
        """Return ends per second over the window before ``now``, or since ``started`` if that is shorter."""
        return self._recent(now) / max(1.0, min(self._window, now - started))

    def pace(self, started: float, now: float) -> float:
        """Return the speed to expect: the recent one, or the one since ``started`` when few ended recently."""
        if self._recent(now) >= _ENOUGH:
            return self.per_second(started, now)
        return self._total / max(1.0, now - started)

    def _recent(self, now: float) -> int:
        return sum(count for second, count in self._buckets if second > now - self._window)
