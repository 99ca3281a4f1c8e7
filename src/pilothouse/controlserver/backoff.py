"""How long to wait before trying again. Pure."""

import msgspec


class Backoff(msgspec.Struct, frozen=True):
    """Waits that double from ``first`` to ``longest`` seconds, each shortened at random by up to ``jitter``."""

    first: float = 0.5
    longest: float = 30.0
    jitter: float = 0.5

    def delay(self, attempt: int, chance: float) -> float:
        """Return the wait after failed attempt number ``attempt`` (from 1); ``chance`` is a random part of 1."""
        # the exponent is bounded, because an outage can last for thousands of attempts
        full = min(self.longest, self.first * 2.0 ** min(attempt - 1, 32))
        return full * (1 - self.jitter * chance)
