"""The end of a partition: nothing of it runs, nothing of it is left, and both were looked at (node spec, 12.10)."""

import contextlib
import logging
import os
import time
from functools import partial
from pathlib import Path
from typing import Final

from pilothouse.files import write_atomic
from pilothouse.node import buildout, certificates, child, disks, identity, processes, reading, removal, supervisord
from pilothouse.node.errors import LeftoverError
from pilothouse.node.partition import Partition

_log = logging.getLogger("slapos")
_DAY: Final = 86400
_GENTLE: Final = 3.0


def destroy(one: Partition, now: float) -> bool:
    """Empty a partition; False while its retention lasts. Raises BuildoutError, LeftoverError, OSError."""
    _log.info("Destroying Computer Partition %s...", one.place.name)
    if is_retained(one.place.folder, now):
        _log.info("Impossible to destroy partition yet because of retention lock.")
        return False
    _run_script(one)
    child.end_leftover(one.node.run / f"{one.place.name}.child")
    for path in sorted(one.node.groups.glob(f"{one.place.name}*.conf")):
        if path.stem == one.place.name or path.stem.startswith(f"{one.place.name}-"):
            supervisord.stop_group(one.node, one.supervisor, path.stem)
    _end_processes(one)
    certificates.remove(one.config, one.place.name)
    _empty_disks(one)
    empty(one.place.folder)
    _prove(one)
    return True


def is_retained(folder: Path, now: float) -> bool:
    """Whether the partition must be kept; the first call begins the time of its retention.

    A date that is further away than the whole retention was noted before the clock was set back; it begins anew.
    """
    date = folder / ".slapos-retention-lock-date"
    until, days = _number(date), _number(folder / ".slapos-retention-lock-delay") or 0.0
    if days > 0 and (until is None or until > now + days * _DAY):
        until = now + days * _DAY
        write_atomic(date, str(until).encode(), durable=True)
    return until is not None and until > now


def _number(path: Path) -> float | None:
    try:
        return float(reading.text(path) or "")
    except (OSError, ValueError):
        return None


def _run_script(one: Partition) -> None:
    script = one.place.folder / "sbin" / "destroy"
    if not script.exists():
        return
    build = buildout.Build(
        folder=one.place.folder,
        who=identity.owner_of(one.place.folder),
        note=one.node.run / f"{one.place.name}.child",
        home=str(one.place.folder),
        more={"SLAPGRID_INSTANCE_ROOT": str(one.config.instance_root)},
    )
    buildout.run(build, (str(script),))


def _end_processes(one: Partition) -> None:
    find = _finder(one)
    processes.ask(find, patience=_GENTLE)
    if left := processes.end(find):
        numbers = ", ".join(str(process.pid) for process in left)
        raise LeftoverError(f"{one.place.name}: processes {numbers} cannot be ended; end them by hand")


def _finder(one: Partition) -> "partial[list[processes.Process]]":
    # an account that was made for this partition has its home here; any other one may have processes elsewhere
    uid: int | None = one.place.folder.stat().st_uid
    if os.geteuid() or identity.account_of(uid or 0).home != str(one.place.folder):
        uid = None
    return partial(processes.of_partition, one.place.folder, one.place.name, one.node.socket, uid)


def _empty_disks(one: Partition) -> None:
    """Empty the partition's directories on external disks, also those whose links its user has removed."""
    home = one.config.instance_storage_home
    if home is None:
        return
    names = {Path(disk).name for disk in disks.found(home)}
    with contextlib.suppress(OSError), reading.held(one.place.folder, "DATA") as links:
        names |= set(os.listdir(links))  # noqa: PTH208 - what is held is no path
    for name in sorted(names):
        disk = home / name / one.place.name
        if disk.is_dir() and not disk.is_symlink():
            empty(disk)


def empty(folder: Path) -> None:
    """Remove everything below a directory, which stays itself. Raises OSError."""
    if os.geteuid():
        folder.chmod(0o750)
    for path in folder.iterdir():
        removal.remove(path)


def _prove(one: Partition) -> None:
    if left := os.listdir(one.place.folder):  # noqa: PTH208 - names only
        raise LeftoverError(f"{one.place.folder}: {', '.join(left)} came back while the partition was emptied")
    if running := _finder(one)():
        raise LeftoverError(f"{one.place.name}: process {running[0].pid} was started while the partition was emptied")
    _log.info("Destroyed %s at %s: no process and no file of it is left.", one.place.name, time.strftime("%H:%M:%S"))
