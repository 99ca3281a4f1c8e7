"""Work on several things at once, each by one worker; one that fails never stops the others."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

T = TypeVar("T")
_PARTING: Final = 10.0  # seconds


class Crew(Generic[T]):
    """Works through ``items`` in their order, at most ``width`` at once, until the end or until `halt`.

    ``work`` must not raise; whatever it finds it notes itself.
    """

    def __init__(
        self,
        items: Sequence[T],
        work: Callable[[T], None],
        width: int,
        interrupted: Callable[[], None] | None = None,
    ) -> None:
        self._items = deque(items)
        self._work = work
        self._interrupted = interrupted
        self._width = max(1, min(width, len(items)))

    def run(self) -> None:
        """Work until nothing is left.

        An interruption lets no further item begin, and is raised again. ``interrupted`` hears of it before, and is to
        end what is under way, which is waited for, some seconds at most.
        """
        if not self._items:
            return
        ended = threading.Semaphore(0)
        for number in range(self._width):
            threading.Thread(target=self._member, args=(ended,), name=f"partition-{number}", daemon=True).start()
        left = self._width
        try:
            # not by joining: Python takes a thread for ended whose join was interrupted
            while left:
                ended.acquire()
                left -= 1
        except BaseException:
            self.halt()
            if self._interrupted:
                self._interrupted()
                until = time.monotonic() + _PARTING
                while left and ended.acquire(timeout=max(0.0, until - time.monotonic())):
                    left -= 1
            raise

    def halt(self) -> None:
        """Begin nothing more; what has begun goes on to its end."""
        self._items.clear()

    def _member(self, ended: threading.Semaphore) -> None:
        try:
            self._loop()
        finally:
            ended.release()

    def _loop(self) -> None:
        while True:
            try:
                item = self._items.popleft()
            except IndexError:
                return
            self._work(item)
