"""What people call the instances of this node: kept by each pass, so that it is known while the master is away."""

import json
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from pilothouse.files import write_atomic
from pilothouse.node import reading
from pilothouse.node.layout import NodePlace

if TYPE_CHECKING:
    from pathlib import Path

    from pilothouse.node.master import Wanted


_log = logging.getLogger("slapos")


class Name(NamedTuple):
    """One instance: its title, and its id at the master; empty where the master says none."""

    title: str
    guid: str


def remember(node: NodePlace, wanted: "Iterable[Wanted]") -> None:
    """Keep the names of the instances, by partition; a disk that refuses stops no pass."""
    # every pass does this, so not by msgspec, which takes longer to load than the rest of the pass
    found = {one.name: _name_of(one)._asdict() for one in wanted}
    content = json.dumps(found, sort_keys=True).encode()
    path = _path(node)
    try:
        if reading.content(path) != content:
            write_atomic(path, content, mode=0o600)
    except OSError as error:
        _log.warning("The names of instances cannot be kept: %s: %s", path, error.strerror)


def partitions_of(node: NodePlace, text: str) -> list[str]:
    """Return the partitions whose instance has this title or id."""
    try:
        known = json.loads(reading.content(_path(node)) or b"{}")
        names = {partition: Name(**name) for partition, name in known.items()}
    except (ValueError, TypeError, AttributeError):
        return []
    return sorted(partition for partition, name in names.items() if text and text in name)


def _name_of(one: "Wanted") -> Name:
    remote = one.partition
    title = remote.getInstanceParameterDict().get("instance_title")
    return Name(title if isinstance(title, str) else "", str(getattr(remote, "_instance_guid", "") or ""))


def _path(node: NodePlace) -> "Path":
    return node.run / "instances.json"
