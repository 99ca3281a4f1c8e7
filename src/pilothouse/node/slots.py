"""Which partitions a machine is to have: those that are recorded, and new ones behind them (node spec, section 6.4)."""

import math
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Interface, IPv6Network
from typing import Any

import msgspec

from pilothouse.node import addresses
from pilothouse.node.addresses import Draw
from pilothouse.node.computer import Address, Description, Device, Interface, Slot, User
from pilothouse.node.errors import ConfigurationError, NodeError
from pilothouse.node.shape import Shape

_HOST = "255.255.255.255"


def planned(shape: Shape, recorded: Description | None, found: Iterable[IPv6Interface], draw: Draw) -> Description:
    """Return the machine with all its partitions. Raises NodeError when that cannot be, ConfigurationError.

    ``found`` are the IPv6 addresses of the interface. Without a global one, and without changes to the network,
    partitions have an IPv4 address only.
    """
    old = recorded.partition_list if recorded else []
    if len(old) > shape.partition_amount:
        raise NodeError(
            f"Requested amount of computer partitions ({shape.partition_amount}) is lower than already configured "
            f"({len(old)}), cannot continue"
        )
    base = addresses.reference(found, recorded.address if recorded else None)
    if base is None and shape.alter_network:
        name = shape.ipv6_interface or shape.interface_name
        raise NodeError(f"No IPv6 found on interface {name!r} to construct IPv6 with.")
    taken = {one.addr for slot in old for one in slot.address_list}
    slots = list(old)
    for number in range(len(old), shape.partition_amount):
        slots.append(_slot(shape, number, base.network if base else None, taken, draw))
        taken |= {one.addr for one in slots[-1].address_list}
    return Description(
        reference=shape.computer_id,
        instance_root=recorded.instance_root if recorded else str(shape.instance_root),
        software_root=recorded.software_root if recorded else str(shape.software_root),
        address=str(base.ip) if base else None,
        netmask=str(base.network.netmask) if base else None,
        instance_storage_home=str(shape.instance_storage_home) if shape.instance_storage_home else None,
        interface=_interface(shape),
        ipv6_interface=shape.ipv6_interface,
        partition_has_ipv6_range=shape.partition_has_ipv6_range,
        partition_list=slots,
        software_user=shape.software_user,
        tap_gateway_interface=shape.tap_gateway_interface,
        tap_ipv6=shape.tap_ipv6,
    )


def _interface(shape: Shape) -> Interface | None:
    if not shape.interface_name:
        return None
    return Interface(
        name=shape.interface_name,
        ipv4_local_network=shape.ipv4_local_network,
        ipv6_interface=shape.ipv6_interface,
        ipv6_prefixshift=shape.ipv6_prefixshift,
    )


def _slot(shape: Shape, number: int, network: IPv6Network | None, taken: set[str], draw: Draw) -> Slot:
    name = f"{shape.partition_base_name}{number}"
    folder = str(shape.instance_root / name)
    found = [Address(str(addresses.local(_local_network(shape), taken, draw)), _HOST)]
    if network is not None:
        found.append(Address(str(addresses.of_partition(number, network)), str(network.netmask)))
    return Slot(
        reference=name,
        path=folder,
        user=User(name=f"{shape.user_base_name}{number}", path=folder, additional_group_list=[shape.software_user]),
        address_list=found,
        ipv6_range=_range(shape, number, network),
        tap=_tap(shape, number, network) if shape.create_tap else Device(name=f"{shape.tap_base_name}{number}"),
        tun=_tun(shape, number, network) if shape.create_tun else None,
    )


def _local_network(shape: Shape) -> IPv4Network:
    try:
        return IPv4Network(shape.ipv4_local_network or "", strict=False)
    except ValueError:
        text = f"ipv4_local_network is {shape.ipv4_local_network!r}; give a network such as 10.0.0.0/16"
        raise ConfigurationError(text, shape.path, "slapformat", "ipv4_local_network") from None


def _range(shape: Shape, number: int, network: IPv6Network | None) -> dict[str, Any]:
    if network is None or not shape.partition_has_ipv6_range:
        return {}
    found = addresses.range_of(number, network, shape.ipv6_prefixshift)
    first = str(found.network_address)
    return {"addr": first, "netmask": str(found.netmask), "network": str(found), "prefixlen": found.prefixlen}


def _tap(shape: Shape, number: int, network: IPv6Network | None) -> Device:
    device = Device(name=f"{shape.tap_base_name}{number}")
    if network is None or not shape.tap_ipv6:
        return device
    own = addresses.tap_of(number, network, shape.ipv6_prefixshift)
    gateway = str(own.network.network_address)
    return msgspec.structs.replace(
        device,
        ipv6_addr=str(own.ip),
        ipv6_gateway=gateway,
        ipv6_netmask=str(own.network.netmask),
        ipv6_network=f"{gateway}/{own.network.prefixlen}",
    )


def _tun(shape: Shape, number: int, network: IPv6Network | None) -> Device:
    local = addresses.tun_network(number, max(1, 2 ** math.ceil(math.log2(max(1, shape.partition_amount)))))
    first = str(local[1])
    device = Device(
        name=f"slaptun{number}",
        ipv4_addr=first,
        ipv4_netmask=str(local.netmask),
        ipv4_network=f"{first}/{local.netmask}",
    )
    if network is None or not shape.tun_ipv6:
        return device
    own = addresses.tun_of(number, network, shape.ipv6_prefixshift)
    return msgspec.structs.replace(
        device, ipv6_addr=str(own.ip), ipv6_netmask=str(own.network.netmask), ipv6_network=str(own.network)
    )
