"""The files in which formatting keeps what it made (node spec, section 6.10)."""

import json
import logging
import time
import zipfile
from pathlib import Path

import msgspec

from pilothouse.files import write_atomic
from pilothouse.node import computer, reading
from pilothouse.node.computer import Description, Slot
from pilothouse.node.errors import NodeError
from pilothouse.slap import marshal_reader, marshal_writer
from pilothouse.slap.markup import MarkupError

_log = logging.getLogger("slapos")


def load(path: Path) -> Description | None:
    """Return the machine as it was recorded, None when it was not. Raises NodeError for a file that is damaged."""
    try:
        return computer.read(marshal_reader.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (MarkupError, msgspec.ValidationError) as error:
        raise NodeError(f"{path} cannot be read: {error}. Restore it from {path}.zip, or remove it") from error


def save(path: Path, machine: Description) -> None:
    """Record a machine; a former state is kept in a zip archive beside it."""
    content = pretty(computer.document(machine))
    archive = path.with_name(f"{path.name}.zip")
    if path.exists():
        former = path.read_bytes()
        if former == content and archive.exists():
            return
        _keep(archive, path.name, former)
    write_atomic(path, content, durable=True)


def plan_of(path: Path) -> Path:
    """Return the file that holds what a pass is about to make; it is there only while a pass is not done."""
    return path.with_name(f"{path.name}.planned")


def save_plan(path: Path, machine: Description) -> None:
    """Record what is about to be made, so that a pass that is killed is followed by one that makes the same."""
    write_atomic(plan_of(path), pretty(computer.document(machine)), durable=True)


def pretty(value: object) -> bytes:
    """Return a marshalled value with a line for each element."""
    from lxml import etree  # noqa: PLC0415 - formatting only

    root = etree.fromstring(marshal_writer.dumps(value))
    etree.indent(root, space="  ")
    return etree.tostring(root, encoding="us-ascii") + b"\n"


def _keep(archive: Path, name: str, content: bytes) -> None:
    stamp = time.strftime("%Y%m%d-%H:%M")
    if archive.exists() and not zipfile.is_zipfile(archive):
        archive.rename(archive.with_name(f"{archive.name}_broken_{stamp}"))
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as file:
        same = sum(one.startswith(f"{name}.{stamp}") for one in file.namelist())
        member = zipfile.ZipInfo(f"{name}.{stamp}{f'.{same}' if same else ''}", time.localtime()[:6])
        member.compress_type = zipfile.ZIP_DEFLATED
        file.writestr(member, content)


def save_json(path: Path, machine: Description) -> None:
    """Record a machine as JSON."""
    write_atomic(path, (json.dumps(computer.document(machine), sort_keys=True, indent=2) + "\n").encode())


def save_resource(slot: Slot) -> None:
    """Tell a partition's software what the partition has."""
    path = Path(slot.path) / ".slapos-resource"
    content = json.dumps(computer.document(slot), sort_keys=True, indent=4).encode()
    if reading.content(path) == content:
        return
    write_atomic(path, content, mode=0o644)
    _log.info("Partition resources saved to %s", slot.reference)
