"""Failed logins of one address are few a minute; more are refused before anything is looked up."""

from collections import deque
from typing import Final

from pilothouse.clock import Clock

FAILURES: Final = 10
WINDOW: Final = 60.0  # seconds
_ADDRESSES: Final = 10_000  # more than that and the oldest are forgotten, so that memory has a bound


class Throttle:
    """Counts the failures of each address over the last minute."""

    def __init__(self, clock: Clock, failures: int = FAILURES, window: float = WINDOW) -> None:
        self._clock = clock
        self._failures = failures
        self._window = window
        self._seen: dict[str, deque[float]] = {}

    def wait(self, address: str) -> float:
        """Return the seconds this address must wait before it may try again, 0 when it need not."""
        seen = self._recent(address)
        if len(seen) < self._failures:
            return 0.0
        return max(0.0, seen[0] + self._window - self._clock.monotonic())

    def failed(self, address: str) -> None:
        """Count a failure."""
        seen = self._recent(address)
        if not seen:
            self._seen.pop(address, None)
            if len(self._seen) >= _ADDRESSES:
                del self._seen[next(iter(self._seen))]
            self._seen[address] = seen
        seen.append(self._clock.monotonic())
        while len(seen) > self._failures:
            seen.popleft()

    def _recent(self, address: str) -> deque[float]:
        seen = self._seen.get(address, deque())
        limit = self._clock.monotonic() - self._window
        while seen and seen[0] <= limit:
            seen.popleft()
        return seen
