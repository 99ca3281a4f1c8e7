"""Locks between passes of different kinds: they go with the process that holds them, however it ends."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def held(folder: Path, name: str) -> Iterator[None]:
    """Wait for the lock of this name and hold it; ``folder`` is the node's own, nobody else's."""
    descriptor = _opened(folder, name)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def shared(folder: Path, name: str) -> Iterator[bool]:
    """Hold the lock of this name together with others who do; False at once when somebody holds it alone."""
    with _tried(folder, name, fcntl.LOCK_SH) as got:
        yield got


@contextlib.contextmanager
def alone(folder: Path, name: str) -> Iterator[bool]:
    """Hold the lock of this name alone; False at once when somebody else holds it."""
    with _tried(folder, name, fcntl.LOCK_EX) as got:
        yield got


@contextlib.contextmanager
def _tried(folder: Path, name: str, kind: int) -> Iterator[bool]:
    descriptor = _opened(folder, name)
    try:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _opened(folder: Path, name: str) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    return os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
