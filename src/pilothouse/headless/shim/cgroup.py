"""A control group for each session, where this machine lets us make one (headless 13.1, 13.2).

With the controllers ``memory`` and ``pids`` it limits the session as a whole; without them it still finds and kills
every process. Nothing of the machine's own groups is moved or changed: the controllers are used where the server sits
in the root, or in a group named ``server`` of a delegated one (systemd: ``Delegate=yes``, ``DelegateSubgroup=server``).
"""

import contextlib
import os
import signal
from typing import Final, NamedTuple

_MOUNTS: Final = "/proc/self/mountinfo"
_OWN: Final = "/proc/self/cgroup"
_SUBGROUP: Final = "server"
_LIMITS: Final = (("memory", "memory.max"), ("pids", "pids.max"))


class Group(NamedTuple):
    """A group by its folder; ``limits`` are the controllers that limit it."""

    path: str
    limits: frozenset[str] = frozenset()


def make(session: str, memory: int, processes: int) -> Group | None:
    """Return a new group for a session with these limits (0 is none), None where there can be none."""
    base = base_of(_read(_MOUNTS), _read(_OWN))
    if base is None:
        return None
    group = _furnished(*base, session, {"memory": memory, "pids": processes})
    if group is not None and not _can_be_joined(group):
        remove(group)
        return None
    return group


def base_of(mounts: str, own: str) -> tuple[str, bool] | None:
    """Return below which folder groups are made, and whether controllers may be switched on there; pure."""
    points = [line.split() for line in mounts.splitlines()]
    found = [words for words in points if "-" in words and words[words.index("-") + 1] == "cgroup2"]
    paths = [line.removeprefix("0::") for line in own.splitlines() if line.startswith("0::")]
    if not found or not paths or ".." in paths[0]:
        return None
    root, point = found[0][3], found[0][4]
    path = paths[0].rstrip("/").removeprefix(root.rstrip("/"))
    head, _, last = path.rpartition("/")
    if last == _SUBGROUP:
        return point + head, True
    return point + path, not path


def join(group: Group) -> None:
    """Move this process into the group. Raises OSError."""
    _write(f"{group.path}/cgroup.procs", "0")


def members(group: Group) -> list[int]:
    """Return the processes in it."""
    return [int(word) for word in _read(f"{group.path}/cgroup.procs").split()]


def kill(group: Group) -> None:
    """End all of them at once."""
    try:
        _write(f"{group.path}/cgroup.kill", "1")
    except OSError:  # before Linux 5.14
        for pid in members(group):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def remove(group: Group) -> None:
    """Take it away; one that still has processes stays."""
    with contextlib.suppress(OSError):
        os.rmdir(group.path)


def _furnished(base: str, may_enable: bool, session: str, limits: dict[str, int]) -> Group | None:
    path = f"{base}/pilothouse-{session}"
    try:
        if may_enable:
            _enable(base)
        with contextlib.suppress(FileExistsError):
            os.mkdir(path)
    except OSError:
        return None
    held = set()
    there = _read(f"{path}/cgroup.controllers").split()
    for controller, file in _LIMITS:
        with contextlib.suppress(OSError):
            if controller in there:
                _write(f"{path}/{file}", str(limits[controller] or "max"))
                held.add(controller)
    return Group(path, frozenset(held))


def _enable(base: str) -> None:
    there, on = (_read(f"{base}/cgroup.{name}").split() for name in ("controllers", "subtree_control"))
    for controller, _ in _LIMITS:
        if controller in there and controller not in on:
            with contextlib.suppress(OSError):
                _write(f"{base}/cgroup.subtree_control", f"+{controller}")


def _can_be_joined(group: Group) -> bool:
    """Whether a process of ours may go there: a delegation may end halfway."""
    pid = os.fork()
    if pid == 0:
        try:
            join(group)
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def _write(path: str, text: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)
