"""``slapos node format``: the machine divided into partitions, and the master told (node spec, section 6)."""

import json
import logging
import platform
import random
from pathlib import Path
from typing import Final

import msgspec

from pilothouse import __version__
from pilothouse.files import write_atomic
from pilothouse.node import computer, definition, network, slots, state_files, system
from pilothouse.node.computer import Description, Slot
from pilothouse.node.errors import NodeError
from pilothouse.node.network import Network
from pilothouse.node.shape import Shape
from pilothouse.node.system import System
from pilothouse.slap import marshal_writer
from pilothouse.slap.client import NotFoundError, SlapException, slap

_log = logging.getLogger("slapos")
DONE: Final = 0
FAILED: Final = 1
UNTOLD: Final = 2
_FOLDER: Final = 0o755
_PARTITION: Final = 0o750


def run(shape: Shape, *, dry: bool) -> int:
    """Format this machine and tell its master; returns the exit code."""
    try:
        machine = prepare(shape, System(dry=dry))
    except (NodeError, OSError, KeyError):
        _log.exception("slapos failed to prepare the computer.")
        return FAILED
    code = DONE if dry else tell(shape, machine)
    _log.info("slapos successfully prepared the computer.")
    return code


def prepare(shape: Shape, machine_system: System) -> Description:
    """Bring the machine into shape and record it. Raises NodeError, OSError, KeyError for an unknown account."""
    machine = _described(shape)
    _log.info("Updating computer")
    if shape.output_definition_file:
        write_atomic(shape.output_definition_file, definition.text_of(machine).encode())
    _construct(shape, machine, machine_system)
    if shape.certificate_repository_path:
        machine_system.folder(shape.certificate_repository_path, 0o700)
    machine = msgspec.structs.replace(
        machine,
        slapos_version=__version__,
        python_version=platform.python_version(),
        os_type=_os_type(),
    )
    if not machine_system.dry:
        _record(shape, machine)
    return machine


def _described(shape: Shape) -> Description:
    if shape.input_definition_file:
        return definition.read(shape, shape.input_definition_file)
    recorded = state_files.load(shape.computer_xml)
    if recorded is None:
        _log.warning("Creating new computer data with id %r", shape.computer_id)
    interface = shape.ipv6_interface or shape.interface_name
    found = [one for name, one, scope, _ in network.ipv6() if name == interface and not scope]
    machine = slots.planned(shape, recorded, found, random.SystemRandom())
    added = len(machine.partition_list) - len(recorded.partition_list if recorded else [])
    if added:
        _log.info("Adding %d new partitions", added)
    return machine


def _construct(shape: Shape, machine: Description, changes: System) -> None:
    roots = [Path(machine.instance_root), Path(machine.software_root)]
    for root in roots:
        changes.folder(root, _FOLDER)
    if shape.alter_user:
        system.account(changes, machine.software_user, machine.software_root, None)
        changes.give(roots[1], machine.software_user)
    if shape.alter_network and shape.partition_has_ipv6_range:
        changes.run("sysctl", "-w", "net.ipv6.ip_nonlocal_bind=1", tolerant=True)
    for slot in machine.partition_list:
        if shape.alter_user:
            system.account(changes, slot.user.name, slot.path, machine.software_user)
        if shape.alter_network:
            _connect(shape, slot, Network(changes))
        _make_folder(shape, slot, changes)


def _connect(shape: Shape, slot: Slot, own: Network) -> None:
    if shape.create_tap and slot.tap.name:
        own.add_device(slot.tap, "tap", slot.user.name)
    if slot.tun:
        own.add_device(slot.tun, "tun", slot.user.name)
    for address in slot.address_list:
        if ":" in address.addr:
            length = int.from_bytes(_packed(address.netmask), "big").bit_count()
            interface = shape.ipv6_interface or shape.interface_name or "lo"
            good = own.add_ipv6(address.addr, length, interface)
        else:
            good = own.add_ipv4(address.addr, shape.interface_name or "lo")
        if not good:
            raise NodeError(f"{slot.reference}: the address {address.addr} cannot be had; see the lines above")
    if slot.ipv6_range:
        own.add_range(str(slot.ipv6_range["network"]))


def _packed(netmask: str) -> bytes:
    from ipaddress import ip_address  # noqa: PLC0415

    return ip_address(netmask).packed


def _make_folder(shape: Shape, slot: Slot, changes: System) -> None:
    folder = Path(slot.path)
    changes.folder(folder, _PARTITION)
    if shape.alter_user:
        changes.give(folder, slot.user.name)
        if not changes.dry:
            folder.chmod(_PARTITION)


def _os_type() -> str:
    release = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    return json.dumps([platform.platform(), *(release.get(name, "") for name in ("ID", "VERSION_ID", "NAME"))])


def _record(shape: Shape, machine: Description) -> None:
    for slot in machine.partition_list:
        state_files.save_resource(slot)
    if shape.computer_json:
        state_files.save_json(shape.computer_json, machine)
    state_files.save(shape.computer_xml, machine)


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
