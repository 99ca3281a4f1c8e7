"""Definition files: partitions as a person wrote them, or as they are (node spec, sections 6.11 and 6.12)."""

import configparser
import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Final

from pilothouse.node.computer import Address, Description, Device, Slot, User
from pilothouse.node.errors import ConfigurationError
from pilothouse.node.shape import Shape

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]*")


def read(shape: Shape, path: Path) -> Description:
    """Return the machine that a file defines. Raises ConfigurationError with file, section and key."""
    file = configparser.RawConfigParser()
    try:
        with path.open(encoding="utf-8") as stream:
            file.read_file(stream, str(path))
    except (OSError, configparser.Error) as error:
        raise ConfigurationError(f"input_definition_file cannot be read: {error}", str(path)) from None
    computer = dict(file["computer"]) if file.has_section("computer") else {}
    own = _address(computer["address"], path, "computer") if computer.get("address") else None
    software_user = computer.get("software_user", "slapsoft")
    return Description(
        reference=shape.computer_id,
        instance_root=str(shape.instance_root),
        software_root=str(shape.software_root),
        address=own.addr if own else None,
        netmask=own.netmask if own else None,
        software_user=software_user,
        partition_list=[_slot(shape, path, file, software_user, number) for number in range(shape.partition_amount)],
    )


def _slot(shape: Shape, path: Path, file: configparser.RawConfigParser, software_user: str, number: int) -> Slot:
    section = f"partition_{number}"
    if not file.has_section(section):
        raise ConfigurationError(
            f"there is no section [{section}] for partition_amount = {shape.partition_amount}", str(path)
        )
    values = dict(file[section])
    for name in ("address", "user", "pathname"):
        if not values.get(name):
            raise ConfigurationError(f"{name} is missing", str(path), section, name)
    for name in ("user", "pathname", "network_interface"):
        # it becomes a part of paths and a word of commands
        if values.get(name) and not _NAME.fullmatch(values[name]):
            raise ConfigurationError(f"{name} is {values[name]!r}; give a plain name", str(path), section, name)
    capabilities = values.get("capability_list", "").splitlines()
    folder = str(shape.instance_root / values["pathname"])
    return Slot(
        reference=values["pathname"],
        path=folder,
        user=User(name=values["user"], path=folder, additional_group_list=[software_user]),
        address_list=[_address(one, path, section) for one in values["address"].split()],
        tap=Device(name=values.get("network_interface", "")),
        ipv6_range=_range(values.get("ipv6_range", ""), path, section),
        capability_list=[one.strip() for one in capabilities if one.strip()] if capabilities else None,
    )


def _address(text: str, path: Path, section: str) -> Address:
    address, _, netmask = text.partition("/")
    try:
        ip_address(address)
        ip_address(netmask)
    except ValueError as error:
        raise ConfigurationError(f"{error}; give <address>/<netmask>", str(path), section, "address") from None
    return Address(address, netmask)


def _range(text: str, path: Path, section: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        network = ip_network(text, strict=False)
    except ValueError as error:
        raise ConfigurationError(f"{error}; give <address>/<length>", str(path), section, "ipv6_range") from None
    return {
        "addr": text.partition("/")[0],
        "netmask": str(network.netmask),
        "network": str(network),
        "prefixlen": network.prefixlen,
    }


def text_of(machine: Description) -> str:
    """Return a machine as a definition file."""
    lines = ["[computer]"]
    if machine.address:
        lines.append(f"address = {machine.address}/{machine.netmask}")
    lines.append(f"software_user = {machine.software_user}")
    for number, slot in enumerate(machine.partition_list):
        capabilities = "\n  ".join(slot.capability_list or ())
        lines += [
            "",
            f"[partition_{number}]",
            f"address = {' '.join(f'{one.addr}/{one.netmask}' for one in slot.address_list)}",
            f"pathname = {slot.reference}",
            f"user = {slot.user.name}",
            f"network_interface = {slot.tap.name}",
            *([f"capability_list =\n  {capabilities}"] if capabilities else []),
        ]
        if slot.ipv6_range:
            lines.append(f"ipv6_range = {slot.ipv6_range['addr']}/{slot.ipv6_range['prefixlen']}")
    return "\n".join(lines) + "\n"
