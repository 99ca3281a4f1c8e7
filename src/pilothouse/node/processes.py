"""The processes of this machine, as /proc shows them: who descends from whom, and who belongs to a partition."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

_TOLERANCE: Final = 2.0  # seconds; the start of the machine is told in whole ones


class Process(NamedTuple):
    """One process; ``started`` tells it from a later one with the same number."""

    pid: int
    parent: int
    session: int
    started: int
    state: str


def look(pid: int) -> Process | None:
    """Return a process, None when there is none of this number."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    words = text.rpartition(")")[2].split()
    return Process(pid, int(words[1]), int(words[3]), int(words[19]), words[0])


def may_have_written(pid: int, moment: float) -> bool:
    """Whether the process of this number was there at a moment, in seconds since the epoch.

    A file that names a process may be older than the process: numbers come again, and after a start of the machine
    the same ones do.
    """
    found = look(pid)
    return found is not None and _booted() + found.started / os.sysconf("SC_CLK_TCK") <= moment + _TOLERANCE


def _booted() -> float:
    text = Path("/proc/stat").read_text("ascii", "replace")
    return float(text.partition("\nbtime ")[2].partition("\n")[0] or 0)


def everything() -> Iterator[Process]:
    """Yield all processes."""
    for name in os.listdir("/proc"):  # noqa: PTH208 - a path object for each process costs more than reading it
        if name.isdigit() and (found := look(int(name))):
            yield found


def family(pid: int, started: int) -> list[Process]:
    """Return what descends from a process or is in its session, itself included.

    A process that left the session after its parent had died is not found: ``marked`` finds it.
    """
    alive = list(everything())
    leader = next((one for one in alive if one.pid == pid), None)
    if leader is not None and leader.started != started:
        return []
    found = {one.pid: one for one in alive if pid in {one.pid, one.session} and one.started >= started}
    grown = True
    while grown:
        more = {one.pid: one for one in alive if one.parent in found and one.pid not in found}
        found |= more
        grown = bool(more)
    return [one for one in found.values() if one.state not in "ZX"]


def end(find: Callable[[], Iterable[Process]], *, patience: float = 10.0) -> list[Process]:
    """Kill what ``find`` finds until it finds nothing more; returns what is left after ``patience`` seconds.

    All are stopped first, so that none starts another one while its siblings go.
    """
    until = time.monotonic() + patience
    left = list(find())
    while left and time.monotonic() < until:
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for one in left:
                _send(one, number)
        time.sleep(0.02)
        left = list(find())
    return left


def ask(find: Callable[[], Iterable[Process]], *, patience: float) -> None:
    """Ask what ``find`` finds to end, and wait for it at most ``patience`` seconds."""
    asked = list(find())
    for one in asked:
        _send(one, signal.SIGTERM)
    until = time.monotonic() + patience
    while asked and time.monotonic() < until:
        time.sleep(0.05)
        asked = list(find())


def of_partition(folder: Path, group: str, socket: Path, uid: int | None) -> list[Process]:
    """Return the processes of a partition: those of its user, or started for its group.

    With ``uid`` None its user has other processes, and those count that are below its directory. Those of others who
    look around there, such as an administrator's shell, never do.
    """
    mark = (f"SUPERVISOR_GROUP_NAME={group}".encode(), f"SUPERVISOR_SERVER_URL=unix://{socket}".encode())
    mine, owner = ancestors(), folder.stat().st_uid
    return [
        one
        for one in everything()
        if one.pid not in mine and one.state not in "ZX" and _belongs(one, folder, mark, uid, owner)
    ]


def of_supervisor(socket: Path) -> list[Process]:
    """Return the processes that descend from programs of a supervisord, but not whoever asks."""
    mark, mine = f"SUPERVISOR_SERVER_URL=unix://{socket}".encode(), ancestors()
    alive = [one for one in everything() if one.pid not in mine and one.state not in "ZX"]
    return [one for one in alive if mark in _environ(one.pid)]


def marked(mark: str) -> list[Process]:
    """Return the processes whose environment has ``NAME=value``, but not whoever asks."""
    word, mine = mark.encode(), ancestors()
    return [one for one in everything() if one.pid not in mine and one.state not in "ZX" and word in _environ(one.pid)]


def ancestors() -> set[int]:
    """Return the numbers of this process and of all that it descends from."""
    found, pid = set[int](), os.getpid()
    while pid and (one := look(pid)):
        found.add(pid)
        pid = one.parent
    return found


def _environ(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _belongs(one: Process, folder: Path, mark: tuple[bytes, bytes], uid: int | None, owner: int) -> bool:
    place = Path(f"/proc/{one.pid}")
    try:
        whose = place.stat().st_uid
        if uid and whose == uid:
            return True
        if whose == owner and (place / "cwd").readlink().is_relative_to(folder):
            return True
    except OSError:
        return False
    environ = _environ(one.pid)
    return all(word in environ for word in mark)


def _send(one: Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        descriptor = os.pidfd_open(one.pid)
        try:
            # from here on the number cannot become that of another process unseen
            now = look(one.pid)
            if now is not None and now.started == one.started:
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)
