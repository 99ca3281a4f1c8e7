"""The lock that says whether a session lives."""

import fcntl
import time
from typing import Final

_TRIES: Final = 40
_PAUSE: Final = 0.025  # seconds


def take(lock: int) -> None:
    """Take the lock for life; raises BlockingIOError when a shim holds it, not when somebody just looks."""
    for _ in range(_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE)
        else:
            return
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
