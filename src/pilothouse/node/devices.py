"""What a partition's range, tap and tun are to be (node spec, sections 6.7.4 to 6.7.6 and 6.8). Pure."""

import math
from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv4Interface, IPv6Network
from typing import Any

import msgspec

from pilothouse.node import addresses
from pilothouse.node.addresses import Draw
from pilothouse.node.computer import Device
from pilothouse.node.errors import NodeError
from pilothouse.node.shape import Shape


def ipv6_range(shape: Shape, number: int, network: IPv6Network, taken: Collection[str], draw: Draw) -> dict[str, Any]:
    """Return the range of a partition that has none yet, as it is described. Raises NodeError."""
    found = addresses.free_range(number, network, shape.ipv6_prefixshift, taken, draw)
    first = str(found.network_address)
    return {"addr": first, "netmask": str(found.netmask), "network": str(found), "prefixlen": found.prefixlen}


def tap(shape: Shape, number: int, known: Device, network: IPv6Network | None) -> Device:
    """Return a tap with its IPv6 address, if it shall have one. Raises NodeError for a network that is too small."""
    device = known if known.name else msgspec.structs.replace(known, name=f"{shape.tap_base_name}{number}")
    if network is None or not shape.create_tap or not shape.tap_ipv6 or device.ipv6_addr:
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


def behind(gateway: IPv4Interface, free: Iterable[IPv4Address], device: Device) -> Device:
    """Return a tap with the next IPv4 address behind a gateway. Raises NodeError when there is none left."""
    found = next(iter(free), None)
    if found is None:
        raise NodeError(
            f"{device.name}: the network {gateway.network} of tap_gateway_interface has no address left; "
            "give the interface a larger network, or ask for fewer partitions"
        )
    return msgspec.structs.replace(
        device,
        ipv4_addr=str(found),
        ipv4_netmask=str(gateway.netmask),
        ipv4_gateway=str(gateway.ip),
        ipv4_network=str(gateway.network.network_address),
    )


def tun(shape: Shape, number: int, network: IPv6Network | None, taken: Collection[str]) -> Device:
    """Return the tun of a partition; ``taken`` are the IPv4 addresses of other tuns. Raises NodeError."""
    parts = 2 ** math.ceil(math.log2(max(1, shape.partition_amount)))
    local = addresses.tun_network(number, parts, taken)
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
