"""What the daemon shows of itself: a file below the node's own folder, and the lock that says that it lives."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from pilothouse.errors import RefusedError
from pilothouse.files import write_atomic
from pilothouse.node.daemon.listener import Hearing
from pilothouse.node.daemon.schedule import BUSY, Why
from pilothouse.node.layout import NodePlace

_MEANINGS: Final = {
    BUSY: "another pass was under way",
    2: "a promise failed",
    3: "the master was away, what is declared was started",
    5: "it needs root",
    255: "it was refused",
}
_TRIES: Final = 10
_OF_FORMAT: Final = {2: "the master could not be told"}


class Last(msgspec.Struct, frozen=True):
    """A pass that has ended: when it began and ended, its exit code, and why it was made."""

    began: float
    ended: float
    code: int
    why: Why


class Running(msgspec.Struct, frozen=True):
    """A pass that is under way."""

    pid: int
    began: float
    why: Why


class PassStatus(msgspec.Struct, frozen=True):
    """One kind of pass: its interval in seconds, and when it is due, None while it waits for another one."""

    interval: int
    next: float | None
    running: Running | None = None
    last: Last | None = None
    failures: int = 0


class Status(msgspec.Struct, frozen=True):
    """Everything; times are seconds since the epoch."""

    pid: int
    began: float
    configuration: str
    stream: Hearing
    passes: dict[str, PassStatus]
    fault: str = ""


def path_of(root: Path) -> Path:
    """Return the file of the node with this instance root."""
    return NodePlace(root).run / "node-run.json"


def save(root: Path, status: Status) -> None:
    """Replace what is shown; a full disk stops nothing."""
    with contextlib.suppress(OSError):
        write_atomic(path_of(root), msgspec.json.encode(status))


def load(root: Path) -> Status | None:
    """Return what was shown last, None where nothing was."""
    try:
        return msgspec.json.decode(path_of(root).read_bytes(), type=Status)
    except (OSError, msgspec.DecodeError):
        return None


@contextlib.contextmanager
def alone(root: Path) -> Iterator[None]:
    """Be the only daemon of this node. Raises RefusedError when there is one already."""
    path = _lock_of(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        if not _locked(descriptor):
            raise RefusedError(f"process {_pid(descriptor)} keeps this node already; see: pilothouse node status")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def living(root: Path) -> int | None:
    """Return the process that keeps this node, None when there is none."""
    try:
        descriptor = os.open(_lock_of(root), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _pid(descriptor) or None
    else:
        return None
    finally:
        os.close(descriptor)


def meaning(name: str, code: int) -> str:
    """Return what an exit code says to a person."""
    if code < 0:
        return f"it was ended by signal {-code}"
    if not code:
        return "done"
    return (_OF_FORMAT if name == "format" else _MEANINGS).get(code, "it failed")


def _lock_of(root: Path) -> Path:
    return NodePlace(root).run / "node-run.lock"


def _locked(descriptor: int) -> bool:
    for _ in range(_TRIES):  # whoever asks whether a daemon lives holds the lock for a moment
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.02)
    return False


def _pid(descriptor: int) -> int:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else 0
