"""A promise under way: since when, and what it has said so far."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import suppress

from pilothouse.checks import result
from pilothouse.checks.result import Result
from pilothouse.node.promising.discovery import Found

_PIECE = 64 * 1024
_KEPT = 64 * 1024  # bytes of what a promise prints, its first ones
_ANSWER = 256 * 1024  # bytes of an answer: the longest message has less


class Running:
    """The process of a promise. ``late`` is when it was asked to end, 0 while it is in time."""

    def __init__(self, promise: Found, pid: int, started: float, answer: int, output: int) -> None:
        self.promise = promise
        self.pid = pid
        self.started = started
        self.late = 0.0
        self.killed = False
        self._answer_end = answer
        self._output_end = output
        self._answer = bytearray()
        self._output = bytearray()

    def next_deadline(self, timeout: float, grace: float) -> float:
        """Return when something has to be done about it."""
        if self.killed:
            return math.inf if math.isinf(timeout) else self.late + 2 * grace + timeout
        return self.late + grace if self.late else self.started + timeout

    def take_answer(self) -> bool:
        """Read what there is of the answer; returns whether there may be more."""
        return self._take(self._answer_end, self._answer, _ANSWER)

    def take_output(self) -> bool:
        """Read what was printed; returns whether there may be more."""
        return self._take(self._output_end, self._output, _KEPT)

    @staticmethod
    def _take(descriptor: int, into: bytearray, most: int) -> bool:
        try:
            piece = os.read(descriptor, _PIECE)
        except BlockingIOError:
            return True
        except OSError:
            return False
        into += piece[: most - len(into)]
        return bool(piece)

    def close(self) -> tuple[int, int]:
        """Read what is left and close; returns the descriptors, which others may have noted."""
        for descriptor, into, most in (
            (self._answer_end, self._answer, _ANSWER),
            (self._output_end, self._output, _KEPT),
        ):
            length = -1
            while length != len(into):
                length = len(into)
                self._take(descriptor, into, most)
        return self._answer_end, self._output_end

    def lines(self) -> Iterator[str]:
        """Yield what was printed."""
        yield from bytes(self._output).decode("utf-8", "replace").splitlines()

    def verdict(self) -> tuple[Result | None, bool]:
        """Return the result, None when there is none to be understood, and whether the master is to be told."""
        with suppress(ValueError, RecursionError):
            document = json.loads(bytes(self._answer))
            if isinstance(document, dict):
                return result.read(document.get("result")), document.get("bang") is True
        return None, False
