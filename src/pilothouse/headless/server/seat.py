"""Who serves a data folder: one server at a time, which other processes can find and stop (headless 12)."""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Final, Literal

from pilothouse.errors import RefusedError

_SEAT: Final = "server.lock"
_CANCEL: Final = "cancel-at-stop"

Mode = Literal["graceful", "force"]


class Seat:
    """The place of the one server; it is free again when its process ends, however that happens."""

    def __init__(self, data: Path) -> None:
        """Take it. Raises RefusedError when another server has it, OSError."""
        self._data = data
        self._lock = os.open(data / _SEAT, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = os.read(self._lock, 20).decode("ascii", "replace").strip()
            os.close(self._lock)
            raise RefusedError(f"{data}: another server (process {other}) serves the batches of this folder") from None
        os.ftruncate(self._lock, 0)
        os.write(self._lock, f"{os.getpid()}\n".encode())
        self.cancels()  # of an earlier server that did not come to it

    def cancels(self) -> Mode | None:
        """Return how sessions are to be cancelled at this stop, None when they go on; asked once."""
        kept = self._data / _CANCEL
        try:
            word = kept.read_text("ascii")
        except FileNotFoundError:
            return None
        kept.unlink(missing_ok=True)
        return "force" if word == "force" else "graceful"

    def leave(self) -> None:
        """Let the next server in."""
        os.close(self._lock)


def taken_by(data: Path) -> int | None:
    """Return the process that serves the folder, None when there is none. Raises OSError."""
    try:
        lock = os.open(data / _SEAT, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        with contextlib.suppress(ValueError):
            return int(os.read(lock, 20))
    finally:
        os.close(lock)
    return None


def ask_to_cancel(data: Path, mode: Mode) -> None:
    """Let the server cancel its sessions when it is stopped next. Raises OSError."""
    (data / _CANCEL).write_text(mode, "ascii")
