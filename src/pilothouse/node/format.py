"""``slapos node format``: the machine divided into partitions, and the master told (node spec, section 6)."""

import contextlib
import json
import logging
import platform
import random
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import msgspec

from pilothouse import __version__
from pilothouse.files import write_atomic
from pilothouse.node import computer, definition, disks, locks, managers, network, quotas, slots, state_files, system
from pilothouse.node.computer import Description, Slot
from pilothouse.node.errors import ConfigurationError, NodeError
from pilothouse.node.managers import Managers
from pilothouse.node.network import Network, RefusedError
from pilothouse.node.shape import Shape
from pilothouse.node.slots import Surroundings
from pilothouse.node.system import System
from pilothouse.slap import marshal_writer
from pilothouse.slap.client import NotFoundError, SlapException, slap

_log = logging.getLogger("slapos")
DONE: Final = 0
FAILED: Final = 1
UNTOLD: Final = 2
_FOLDER: Final = 0o755
_PARTITION: Final = 0o750
_TRIES: Final = 10


def run(shape: Shape, *, dry: bool) -> int:
    """Format this machine and tell its master; returns the exit code."""
    try:
        # two at once would draw addresses for the same partitions
        with contextlib.nullcontext() if dry else locks.held(shape.computer_xml.parent, shape.computer_xml.name):
            machine = prepare(shape, System(dry=dry))
    except ConfigurationError as error:
        _log.critical("%s", error)
        return FAILED
    except (NodeError, OSError, KeyError):
        _log.exception("slapos failed to prepare the computer.")
        return FAILED
    if dry:
        _log.debug("%r is not told", shape.master_url)
    code = DONE if dry else tell(shape, machine)
    _log.info("slapos successfully prepared the computer.")
    return code


def prepare(shape: Shape, changes: System) -> Description:
    """Bring the machine into shape and record it. Raises NodeError, ConfigurationError, OSError."""
    helpers = _managers(shape)
    recorded, refused = _recorded(shape), frozenset[str]()
    while True:
        machine = _described(shape, recorded, _surroundings(shape, refused))
        if not refused:
            _log.info("Updating computer")
        _say_replaced(recorded, machine)
        if shape.output_definition_file:
            write_atomic(shape.output_definition_file, definition.text_of(machine).encode())
        if not (changes.dry or shape.input_definition_file):
            state_files.save_plan(shape.computer_xml, machine)
        try:
            _construct(shape, machine, changes, helpers)
            break
        except RefusedError as error:
            if shape.input_definition_file or len(refused) >= _TRIES:
                raise
            refused, recorded = refused | {error.address}, machine
    if shape.certificate_repository_path:
        changes.folder(shape.certificate_repository_path, 0o700)
    machine = msgspec.structs.replace(
        machine,
        public_ipv4_address=_public_address(shape),
        slapos_version=__version__,
        python_version=platform.python_version(),
        os_type=_os_type(),
    )
    if not changes.dry:
        _record(shape, machine)
    return machine


def _managers(shape: Shape) -> Managers:
    if shape.input_definition_file:
        if shape.manager_list:
            _log.warning("Computer needs config in constructor to allow managers.")
        return Managers(())
    return managers.load(managers.setting_of(shape), shape.manager_list)


def _recorded(shape: Shape) -> Description | None:
    """Return what is there, or what an interrupted pass was making."""
    if shape.input_definition_file:
        return definition.read(shape, shape.input_definition_file)
    recorded = state_files.load(shape.computer_xml)
    if recorded is None:
        _log.warning("Creating new computer data with id %r", shape.computer_id)
    had = len(recorded.partition_list) if recorded else 0
    begun = state_files.load(state_files.plan_of(shape.computer_xml))
    if shape.partition_amount > had:
        _log.info("Adding %d new partitions", shape.partition_amount - had)
    if begun is None or len(begun.partition_list) < had:
        return recorded
    kept = begun.partition_list[: max(had, shape.partition_amount)]
    return msgspec.structs.replace(begun, partition_list=kept)


def _surroundings(shape: Shape, refused: frozenset[str]) -> Surroundings:
    interface = shape.ipv6_interface or shape.interface_name
    behind = shape.alter_network and shape.create_tap and shape.tap_gateway_interface
    return Surroundings(
        found=tuple(one for name, one, scope, _ in network.ipv6() if name == interface and not scope),
        held=network.held() if shape.alter_network else {},
        gateway=network.gateway(shape.tap_gateway_interface) if behind else None,
        disks=disks.found(shape.instance_storage_home),
        refused=refused,
    )


def _described(shape: Shape, recorded: Description | None, around: Surroundings) -> Description:
    chance = random.SystemRandom()
    if shape.input_definition_file and recorded:
        return slots.equipped(shape, recorded, around, chance)
    return slots.planned(shape, recorded, around, chance)


def _say_replaced(recorded: Description | None, machine: Description) -> None:
    for old, new in zip(recorded.partition_list if recorded else (), machine.partition_list, strict=False):
        if lost := {one.addr for one in old.address_list} - {one.addr for one in new.address_list}:
            found = ", ".join(one.addr for one in new.address_list)
            _log.warning("%s: %s cannot be had here any more; it gets %s", old.reference, ", ".join(lost), found)


def _construct(shape: Shape, machine: Description, changes: System, helpers: Managers) -> None:
    try:
        roots = [Path(machine.instance_root), Path(machine.software_root)]
        for root in roots:
            changes.folder(root, _FOLDER)
        if shape.alter_user:
            system.account(changes, machine.software_user, machine.software_root, None)
            changes.give(roots[1], machine.software_user)
        helpers.format(machine, changes)
        ranges = shape.partition_has_ipv6_range or any(slot.ipv6_range for slot in machine.partition_list)
        if shape.alter_network and ranges:
            changes.run("sysctl", "-w", "net.ipv6.ip_nonlocal_bind=1", tolerant=True)
        for slot in machine.partition_list:
            if shape.alter_user:
                system.account(changes, slot.user.name, slot.path, machine.software_user)
            if shape.alter_network:
                _connect(shape, slot, Network(changes))
            for folder in (slot.path, *slot.external_storage_list):
                _make_folder(shape, slot, Path(folder), changes)
    finally:
        helpers.format_tear_down(machine, changes)


def _connect(shape: Shape, slot: Slot, own: Network) -> None:
    if shape.create_tap and slot.tap.name:
        own.add_tap(slot.tap, slot.user.name)
    if shape.create_tun and slot.tun:
        own.add_tun(slot.tun, slot.user.name)
    for address in slot.address_list:
        if ":" in address.addr:
            length = int.from_bytes(ip_address(address.netmask).packed, "big").bit_count()
            own.add_ipv6(address.addr, length, shape.ipv6_interface or shape.interface_name or "lo")
        else:
            own.add_ipv4(address.addr, shape.interface_name or "lo")
    if slot.ipv6_range:
        own.add_range(str(slot.ipv6_range["network"]))


def _make_folder(shape: Shape, slot: Slot, folder: Path, changes: System) -> None:
    changes.folder(folder, _PARTITION)
    if shape.alter_user:
        changes.give(folder, slot.user.name)
    if shape.partition_disk_quota:
        quotas.limit(changes, folder, slot.user.name, shape.partition_disk_quota)


def _public_address(shape: Shape) -> str | None:
    if not shape.public_ipv4_services:
        return None
    from pilothouse.node import public_address  # noqa: PLC0415 - few machines ask

    return public_address.found(shape.public_ipv4_services)


def _os_type() -> str:
    release = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    return json.dumps([platform.platform(), *(release.get(name, "") for name in ("ID", "VERSION_ID", "NAME"))])


def _record(shape: Shape, machine: Description) -> None:
    for slot in machine.partition_list:
        state_files.save_resource(slot)
    if shape.computer_json:
        state_files.save_json(shape.computer_json, machine)
    state_files.save(shape.computer_xml, machine)
    state_files.plan_of(shape.computer_xml).unlink(missing_ok=True)


def tell(shape: Shape, machine: Description) -> int:
    """Post the description; returns the exit code."""
    _log.info("Posting information to %r", shape.master_url)
    try:
        door = slap()
        door.initializeConnection(shape.master_url, shape.key_file, shape.cert_file, shape.master_ca_file)
        text = marshal_writer.dumps(computer.document(machine)).decode("ascii")
        door.registerComputer(shape.computer_id).updateConfiguration(text)
    except NotFoundError:
        _log.error(
            "failed to transfer information to %r: the master does not know %s; check that computer_id and the "
            "certificate belong together",
            shape.master_url,
            shape.computer_id,
        )
        return UNTOLD
    except SlapException as error:
        _log.error("failed to transfer information to %r: %s", shape.master_url, error)
        return UNTOLD
    return DONE
