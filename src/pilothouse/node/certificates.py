"""Certificates of partitions, kept in the node's repository (node spec, section 12.3)."""

import logging
from pathlib import Path

from pilothouse.files import write_atomic
from pilothouse.node import identity
from pilothouse.node.configuration import Configuration
from pilothouse.node.errors import NodeError
from pilothouse.node.layout import InstancePlace
from pilothouse.node.master import Wanted
from pilothouse.slap.client import NotFoundError

_log = logging.getLogger("slapos")


def paths(config: Configuration, name: str) -> tuple[Path, Path] | None:
    """Return key and certificate of a partition, None without a repository."""
    folder = config.certificate_repository_path
    return (folder / f"{name}.key", folder / f"{name}.crt") if folder else None


def update(config: Configuration, place: InstancePlace, wanted: Wanted) -> None:
    """Fetch key and certificate, and write what is new. Raises NodeError for a partition unknown to the master."""
    files = paths(config, place.name)
    if files is None:
        return
    try:
        served = wanted.partition.getCertificate()
    except NotFoundError as error:
        raise NodeError(f"Partition {place.name} is not known by SlapOS Master.") from error
    owner = identity.owner_of(place.folder)
    for path, name in zip(files, ("key", "certificate"), strict=True):
        content = served[name]
        if path.exists():
            if path.read_text("utf-8") == content:
                continue
            _log.info("Changed %s content. Updating %r", name, str(path))
        else:
            _log.info("Missing %s file. Creating %r", name, str(path))
        write_atomic(path, content.encode(), mode=0o400)
        identity.give(path, owner)


def remove(config: Configuration, name: str) -> None:
    """Remove key and certificate of a partition."""
    for path in paths(config, name) or ():
        path.unlink(missing_ok=True)
