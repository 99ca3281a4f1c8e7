"""Every process below one, whatever sessions and groups they made for themselves (headless 13.1)."""

import contextlib
import os
import signal


def below(root: int) -> list[int]:
    """Return the living descendants of a process; those that have ended and wait for their parent do not count."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (parent := _parent(name)) is not None:
            parents[int(name)] = parent
    found: list[int] = []
    layer = {root}
    while layer:
        layer = {pid for pid, parent in parents.items() if parent in layer}
        found += layer
    return found


def marked(mark: str) -> list[int]:
    """Return the processes that were started with this in their environment."""
    wanted = mark.encode()
    return [
        int(name)
        for name in os.listdir("/proc")
        if name.isdigit() and int(name) != os.getpid() and wanted in _environment(name)
    ]


def kill(pids: list[int]) -> None:
    """End them at once."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _parent(pid: str) -> int | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            state, parent = file.read().rpartition(b")")[2].split()[:2]
    except (OSError, ValueError):
        return None
    return None if state in b"ZX" else int(parent)


def _environment(pid: str) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []
