"""What systemd is told of a daemon that it started, over the socket that it names; nothing elsewhere."""

import contextlib
import os
import socket
from collections.abc import Mapping
from typing import Final

NAMES: Final = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
"""What children must not inherit: they would speak for the daemon."""


class Notifier:
    """Tells the supervisor of this process how it is doing."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        place = environ.get("NOTIFY_SOCKET", "")
        self._place = f"\0{place[1:]}" if place.startswith("@") else place
        self.interval = _interval(environ)

    def tell(self, *lines: str) -> None:
        """Send ``NAME=value`` lines; who does not listen is not waited for."""
        if not self._place:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
            door.setblocking(False)
            door.sendto("\n".join(lines).encode(), self._place)


def _interval(environ: Mapping[str, str]) -> float | None:
    """Return how often a sign of life is due, in seconds: twice in the time that is allowed."""
    microseconds, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not microseconds.isdigit() or not int(microseconds) or (pid and pid != str(os.getpid())):
        return None
    return int(microseconds) / 2_000_000
