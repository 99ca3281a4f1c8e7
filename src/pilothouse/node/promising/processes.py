"""Processes that must not outlive their promise: they are found wherever they went, and ended."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

_SET_PDEATHSIG = 1
_SET_CHILD_SUBREAPER = 36
_GIVE_UP = 5.0  # seconds of killing something that forks as fast


def adopt() -> None:
    """Become the parent of what descends from us and loses its own."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Have this process killed when its parent ends."""
    _prctl(_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def signal_group(group: int, number: int) -> None:
    """Send a signal to all of a process group, if there is any."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def kill(root: int, spared: Callable[[], set[int]]) -> None:
    """Kill a promise's process, its group, all that descends from it, and all that nobody is the parent of but us.

    They are stopped first, so that none forks while the others are looked for. ``spared`` are our other promises.
    """
    end = time.monotonic() + _GIVE_UP
    seen: set[int] = set()
    while time.monotonic() < end:
        new = _lost(root, spared()) - seen
        if not new:
            break
        seen |= new
        _send(new, signal.SIGSTOP)
    signal_group(root, signal.SIGKILL)
    _send(seen | {root}, signal.SIGKILL)


def kill_strays(spared: set[int]) -> bool:
    """Kill what our promises left behind; returns whether there was anything."""
    strays = _lost(0, spared)
    _send(strays, signal.SIGSTOP)
    _send(strays, signal.SIGKILL)
    return bool(strays)


def _send(processes: set[int], number: int) -> None:
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process, number)


def _lost(root: int, spared: set[int]) -> set[int]:
    """Return the processes below ``root`` or in its group, and those that were adopted, with what is below them."""
    parents = _table()
    me = os.getpid()
    heads = {pid for pid, (_, group) in parents.items() if root and root in (pid, group)}
    heads |= {pid for pid, (parent, _) in parents.items() if parent == me and pid not in spared}
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in parents.items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    waiting = list(heads)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children.get(pid, ())
    return found


def _table() -> dict[int, tuple[int, int]]:
    """Return parent and group of all processes that have not ended."""
    table = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                with open(f"/proc/{name}/stat", "rb") as stream:
                    state, parent, group = stream.read().rpartition(b")")[2].split()[:3]
                if state not in (b"Z", b"X"):
                    table[int(name)] = (int(parent), int(group))
    return table
