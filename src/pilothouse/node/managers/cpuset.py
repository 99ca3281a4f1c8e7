"""Manager ``cpuset``: processes that a partition names get a processor of their own (node spec, 23.7).

It needs version 1 of cgroups, with the controller ``cpuset`` mounted.
"""

import logging
import pwd
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pilothouse.node import locks, managers, processes, reading
from pilothouse.node.computer import Description
from pilothouse.node.system import System

if TYPE_CHECKING:
    from pilothouse.node.partition import Partition

_log: Final = logging.getLogger("slapos")
_FILE: Final = ".slapos-cpu-exclusive"


def mounted(mounts: str) -> Path | None:
    """Return where the controller is mounted, from the text of ``/proc/self/mounts``; None when it is not. Pure."""
    found = None
    for line in mounts.splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup" and "cpuset" in options.split(","):
            found = Path(place)
    return found


def numbers(text: str) -> list[int]:
    """Return the processors of a list such as ``0-2,5``. Pure."""
    found: list[int] = []
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def moves(asked: Iterable[int], sets: Mapping[str, frozenset[int]]) -> list[tuple[int, str]]:
    """Return which process goes to which free set; those that have one stay. Pure.

    ``sets`` are the exclusive sets with the processes in them.
    """
    placed = frozenset[int]().union(*sets.values()) if sets else frozenset()
    free = [name for name, members in sets.items() if not members]
    waiting = [pid for pid in dict.fromkeys(asked) if pid not in placed]
    return list(zip(waiting, free, strict=False))


class Manager(managers.Manager):
    """Makes a set for each processor, and moves processes."""

    def format(self, machine: Description, changes: System) -> None:
        """Make the sets. Raises OSError."""
        root = _root()
        if root is None:
            return
        cpus = numbers((root / "cpuset.effective_cpus").read_text("ascii"))
        memory = (root / "cpuset.effective_mems").read_text("ascii")
        for number in cpus if len(cpus) > 1 else ():
            place = root / f"cpu{number}"
            _log.debug("Set of processors %s", place)
            if not changes.dry:
                place.mkdir(exist_ok=True)
                for name, value in (("cpus", str(number)), ("mems", memory), ("cpu_exclusive", "1")):
                    (place / f"cpuset.{name}").write_text(value)

    def instance(self, one: "Partition") -> None:
        """Move the processes that the partition names, if its account may ask for that."""
        asked = reading.text(one.place.folder / _FILE)
        root = _root() if asked else None
        if root is None or not asked:
            return
        uid = one.place.folder.stat().st_uid
        if _name(uid) not in self.setting.power_users:
            _log.warning("%s asks for processors of its own; name its account in power_user_list", one.place.name)
            return
        with locks.held(one.node.run, "cpuset"):
            _spread(root, [int(word) for word in asked.split() if word.isdigit() and _owner(int(word)) == uid])


def _spread(root: Path, asked: list[int]) -> None:
    places = sorted(root.glob("cpu[0-9]*"), key=lambda place: int(place.name[3:]))
    # the shared one is the first, which also keeps everybody else away from the others
    exclusive = {place.name: _members(place) for place in places[1:]}
    wanted = moves(asked, exclusive)
    for pid, name in wanted:
        _move(pid, root / name)
    left = set(asked) - {pid for pid, _ in wanted} - frozenset[int]().union(*exclusive.values())
    if left:
        _log.warning("No processor is free for processes %s", ", ".join(map(str, sorted(left))))
    if wanted and places:
        for pid in sorted(_members(root)):
            _move(pid, places[0])


def _move(pid: int, place: Path) -> None:
    try:
        (place / "cgroup.procs").write_text(str(pid))
    except OSError as error:  # it has ended, or it is the kernel's own and bound to its processor
        _log.debug("process %d does not go to %s: %s", pid, place.name, error)


def _members(place: Path) -> frozenset[int]:
    return frozenset(int(line) for line in (place / "cgroup.procs").read_text("ascii").split())


def _root() -> Path | None:
    found = mounted(Path("/proc/self/mounts").read_text("utf-8", "surrogateescape"))
    if found is None:
        _log.warning("cpuset does nothing here: version 1 of cgroups is not mounted with its controller cpuset")
    return found


def _owner(pid: int) -> int | None:
    try:
        return Path(f"/proc/{pid}").stat().st_uid if processes.look(pid) else None
    except FileNotFoundError:
        return None


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
