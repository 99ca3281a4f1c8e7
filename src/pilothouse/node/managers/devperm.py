"""Manager ``devperm``: disks of the machine given to partitions, for virtual machines (node spec, 23.5)."""

import grp
import json
import logging
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pilothouse.node import managers
from pilothouse.node.errors import NodeError
from pilothouse.node.managers import wishes

if TYPE_CHECKING:
    from pilothouse.node.partition import Partition

_log: Final = logging.getLogger("slapos")
_FILE: Final = ".slapos-disk-permission"
_ALLOWED: Final = "allowed-disk-for-vm"
_KINDS: Final = frozenset(("disk", "part"))


class Disk(msgspec.Struct, frozen=True):
    """A disk, or a part of one; ``used`` says whether the machine has mounted it or something on it."""

    path: str
    used: bool


def disks(tree: Iterable[Mapping[str, Any]]) -> Iterator[Disk]:
    """Yield all disks of what lsblk says. Pure."""
    for each in tree:
        below = list(each.get("children") or ())
        if each.get("type") in _KINDS:
            yield Disk(str(each.get("path") or f"/dev/{each.get('name')}"), _is_used(each))
        yield from disks(below)


def _is_used(each: Mapping[str, Any]) -> bool:
    mounted = [one for one in (*(each.get("mountpoints") or ()), each.get("mountpoint")) if one]
    return bool(mounted) or any(_is_used(one) for one in each.get("children") or ())


def refusal(path: str, known: Mapping[str, Disk], allowed: frozenset[str] | None) -> str | None:
    """Return why a disk is not given away, None when it is; ``allowed`` is None when nothing is said. Pure."""
    if path not in known:
        return "is no disk of this machine"
    if allowed is not None:
        return None if path in allowed else f"is not in {_ALLOWED}"
    # whoever may write to a mounted disk may do anything; it must be named for that
    return f"is in use by the machine; name it in {_ALLOWED} to give it away" if known[path].used else None


class Manager(managers.Manager):
    """Gives disks to the users of partitions."""

    def instance(self, one: "Partition") -> None:
        """Give what the partition asks for. Raises NodeError when the disks cannot be listed."""
        self._give(one)

    def instance_tear_down(self, one: "Partition") -> None:
        """Give what it asks for since it was processed."""
        self._give(one)

    def _give(self, one: "Partition") -> None:
        path = one.place.folder / _FILE
        asked = wishes.listed(path)
        if not asked:
            return
        text = self.setting.items.get("devperm", {}).get(_ALLOWED, "")
        named = {os.path.realpath(line.strip()) for line in text.splitlines() if line.strip()}
        known = {os.path.realpath(each.path): each for each in disks(_listed())}
        uid = one.place.folder.stat().st_uid
        for entry in asked:
            if not isinstance(entry, dict) or not isinstance(entry.get("disk"), str):
                _log.warning('%s: %r is not heeded: give {"disk": <path>}', path, entry)
                continue
            disk = os.path.realpath(entry["disk"])
            if reason := refusal(disk, known, frozenset(named) or None):
                _log.warning("%s: %s %s", path, disk, reason)
                continue
            os.chown(disk, uid, _group(), follow_symlinks=False)


def _listed() -> list[dict[str, Any]]:
    try:
        done = subprocess.run(["lsblk", "--json", "--output-all"], capture_output=True, check=True)
        found: list[dict[str, Any]] = json.loads(done.stdout)["blockdevices"]
    except (OSError, subprocess.CalledProcessError, ValueError, KeyError) as error:
        raise NodeError(f"The disks of this machine cannot be listed by lsblk --json --output-all: {error}") from error
    return found


def _group() -> int:
    try:
        return grp.getgrnam("disk").gr_gid
    except KeyError:
        raise NodeError("There is no group 'disk', which disks given to partitions belong to; make it") from None
