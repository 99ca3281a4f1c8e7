"""Scripts that a partition wants run before it is destroyed, under supervisord (node spec, section 23.3)."""

import time
from pathlib import Path
from typing import Any, Final

from pilothouse.files import write_atomic
from pilothouse.node import destruction, identity, reading, supervision, supervisord
from pilothouse.node.partition import Partition

_WAITED_FOR: Final = ".slapos-report-wait-service-list"
_UNDER_WAY: Final = frozenset({"RUNNING", "STARTING"})


def start(one: Partition) -> None:
    """Start the scripts of ``etc/prerm`` that never ran, unless the partition is retained. Raises SupervisionError."""
    folder = one.place.folder / "etc" / "prerm"
    scripts = sorted(folder.iterdir()) if folder.is_dir() else []
    if not scripts or destruction.is_retained(one.place.folder, time.time()):
        return
    group = f"{one.place.name}-prerm"
    status = one.place.folder.stat()
    account = identity.account_of(status.st_uid)
    programs = supervision.services(scripts, (), status.st_uid, status.st_gid)
    text = supervision.group_text(group, one.place.folder, programs, supervision.Account(account.name, account.home))
    if supervisord.written(one.node.group_file(group), text):
        supervisord.align(one.node, one.supervisor, group)
    for program in _programs(one):
        if program["group"] == group and not program["start"]:
            one.supervisor.call("startProcess", _full(program), False)
    names = "".join(f"{group}:{program.process_name}\n" for program in programs)
    write_atomic(one.place.folder / _WAITED_FOR, names.encode())


def is_waited_for(one: Partition) -> bool:
    """Whether a program that the partition names is still under way."""
    path: Path = one.place.folder / _WAITED_FOR
    names = set((reading.text(path) or "").split())
    if not names:
        return False
    return any(_full(program) in names and program["statename"] in _UNDER_WAY for program in _programs(one))


def _programs(one: Partition) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = one.supervisor.call("getAllProcessInfo")
    return found


def _full(program: dict[str, Any]) -> str:
    return f"{program['group']}:{program['name']}"
