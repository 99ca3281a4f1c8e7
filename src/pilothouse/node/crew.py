"""Work on several things at once, each by one worker; one that fails never stops the others."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Crew(Generic[T]):
    """Works through ``items`` in their order, at most ``width`` at once, until the end or until `halt`.

    ``work`` must not raise; whatever it finds it notes itself.
    """

    def __init__(self, items: Sequence[T], work: Callable[[T], None], width: int) -> None:
        self._items = deque(items)
        self._work = work
        self._width = min(width, len(items))

    def run(self) -> None:
        """Work until nothing is left. An interruption lets no further item begin, and is raised again."""
        if self._width <= 1:
            self._loop()
            return
        threads = [threading.Thread(target=self._loop, name=f"partition-{i}", daemon=True) for i in range(self._width)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except BaseException:
            self.halt()
            raise

    def halt(self) -> None:
        """Begin nothing more; what has begun goes on to its end."""
        self._items.clear()

    def _loop(self) -> None:
        while True:
            try:
                item = self._items.popleft()
            except IndexError:
                return
            self._work(item)
