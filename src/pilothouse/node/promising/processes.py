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


def kill(root: int, spared: Callable[[], set[int]]) -> bool:
    """Kill a promise's process, its group, all that descends from it, and all that nobody is the parent of but us.

    ``spared`` are our other promises; with ``root`` 0 there is only what was left behind. Whole groups are killed at a
    stroke, which no fork escapes; what forks into ever new groups is chased for seconds. Returns whether all ended.
    """
    if not root and not _children() - spared():
        return True  # what descends from us descends from a child, as we adopt; all processes need not be looked at
    end = time.monotonic() + _GIVE_UP
    while time.monotonic() < end:
        table = _table()
        lost = _lost(table, root, spared())
        _kill_all({table[pid][1] for pid in lost} - spared() | {root}, lost)
        while strays := _children() - spared() - {root}:
            _kill_all({_group(pid) for pid in strays} - spared(), strays)
            for pid in strays:
                with suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
            if time.monotonic() > end:
                return False
        if not lost:
            return True
    return False


def _kill_all(groups: set[int], processes: set[int]) -> None:
    for group in groups - {0, os.getpgrp()}:
        signal_group(group, signal.SIGKILL)
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def _children() -> set[int]:
    """Return our children, ended ones too: much faster than a look at all processes, where the system has it."""
    me = os.getpid()
    try:
        with open(f"/proc/self/task/{me}/children", "rb") as stream:
            return set(map(int, stream.read().split()))
    except OSError:
        return {pid for pid, (parent, _) in _table().items() if parent == me}


def _lost(table: dict[int, tuple[int, int]], root: int, spared: set[int]) -> set[int]:
    """Return the processes below ``root`` or in its group, and those that were adopted, with what is below them."""
    me = os.getpid()
    heads = {pid for pid, (_, group) in table.items() if root and root in (pid, group)}
    heads |= {pid for pid, (parent, _) in table.items() if parent == me and pid not in spared}
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in table.items():
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
