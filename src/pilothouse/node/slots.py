"""Which partitions a machine is to have: those that are recorded, and new ones behind them (node spec, section 6.4).

What a recorded partition lacks because it was not asked for before, it gets now. Pure.
"""

from collections.abc import Mapping
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network, ip_address
from typing import Final

import msgspec

from pilothouse.node import addresses, devices
from pilothouse.node.addresses import Draw
from pilothouse.node.computer import Address, Description, Device, Interface, Slot, User
from pilothouse.node.errors import ConfigurationError, NodeError
from pilothouse.node.shape import Shape

_V4: Final = 4
_V6: Final = 6
_HOST: Final = "255.255.255.255"


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What the machine has now.

    ``found`` are the IPv6 addresses of the partitions' interface, ``held`` is the interface of every address,
    ``gateway`` is that of taps, ``disks`` are the directories of external disks, and ``refused`` are addresses
    that could not be had.
    """

    found: tuple[IPv6Interface, ...] = ()
    held: Mapping[str, str] = {}
    gateway: IPv4Interface | None = None
    disks: tuple[str, ...] = ()
    refused: frozenset[str] = frozenset()


def planned(shape: Shape, recorded: Description | None, around: Surroundings, draw: Draw) -> Description:
    """Return the machine with all its partitions. Raises NodeError when that cannot be, ConfigurationError.

    Without a global IPv6 address, and without changes to the network, partitions have an IPv4 address only.
    """
    old = recorded.partition_list if recorded else []
    if len(old) > shape.partition_amount:
        text = (
            f"Requested amount of computer partitions ({shape.partition_amount}) is lower than already configured "
            f"({len(old)}), cannot continue"
        )
        raise ConfigurationError(text, shape.path, "slapformat", "partition_amount")
    base = addresses.reference(around.found, recorded.address if recorded else None)
    if base is None and shape.alter_network:
        name = shape.ipv6_interface or shape.interface_name
        raise NodeError(f"No IPv6 found on interface {name!r} to construct IPv6 with.")
    planning = _Planning(shape, base.network if base else None, around, old, draw)
    return Description(
        reference=shape.computer_id,
        instance_root=recorded.instance_root if recorded else str(shape.instance_root),
        software_root=recorded.software_root if recorded else str(shape.software_root),
        address=str(base.ip) if base else None,
        netmask=str(base.network.netmask) if base else None,
        instance_storage_home=str(shape.instance_storage_home) if shape.instance_storage_home else None,
        interface=interface(shape),
        ipv6_interface=shape.ipv6_interface,
        partition_has_ipv6_range=shape.partition_has_ipv6_range,
        partition_list=[planning.slot(number) for number in range(shape.partition_amount)],
        software_user=shape.software_user,
        tap_gateway_interface=shape.tap_gateway_interface,
        tap_ipv6=shape.tap_ipv6,
    )


def equipped(shape: Shape, machine: Description, around: Surroundings, draw: Draw) -> Description:
    """Return a machine from a definition file with its taps, tuns and disks; addresses stay. Raises NodeError."""
    base = addresses.reference(around.found, machine.address) if shape.alter_network else None
    if base is None and shape.alter_network and (shape.ipv6_interface or shape.interface_name):
        raise NodeError(f"No IPv6 found on interface {shape.ipv6_interface or shape.interface_name!r}.")
    planning = _Planning(shape, base.network if base else None, around, machine.partition_list, draw)
    slots = [planning.equipment(number, slot) for number, slot in enumerate(machine.partition_list)]
    return msgspec.structs.replace(
        machine,
        partition_list=slots,
        address=str(base.ip) if base else machine.address,
        netmask=str(base.network.netmask) if base else machine.netmask,
        interface=interface(shape) if shape.alter_network else None,
        instance_storage_home=str(shape.instance_storage_home) if shape.instance_storage_home else None,
    )


def interface(shape: Shape) -> Interface | None:
    """Return the interface as it is described."""
    if not shape.interface_name:
        return None
    return Interface(
        name=shape.interface_name,
        ipv4_local_network=shape.ipv4_local_network,
        ipv6_interface=shape.ipv6_interface,
        ipv6_prefixshift=shape.ipv6_prefixshift,
    )


class _Planning:
    """Partition after partition, with what is taken by then."""

    def __init__(
        self, shape: Shape, network: IPv6Network | None, around: Surroundings, old: list[Slot], draw: Draw
    ) -> None:
        self._shape, self._network, self._around, self._old, self._draw = shape, network, around, old, draw
        recorded = {one.addr for slot in old for one in slot.address_list} | around.refused
        self._taken = recorded | set(around.held)
        # what is on the interface already may be what a pass that was interrupted had added
        own = shape.ipv6_interface or shape.interface_name
        self._taken6 = recorded | {one for one, name in around.held.items() if name != own} | _own(around)
        self._ranges = {str(slot.ipv6_range["network"]) for slot in old if slot.ipv6_range}
        self._tuns = {slot.tun.ipv4_addr for slot in old if slot.tun}
        taps = {slot.tap.ipv4_addr for slot in old}
        hosts = addresses.hosts_behind(around.gateway) if around.gateway else iter(())
        self._taps = (one for one in hosts if str(one) not in taps)

    def slot(self, number: int) -> Slot:
        known = self._old[number] if number < len(self._old) else self._new(number)
        given = self._addresses(number, known)
        network = self._network
        span = known.ipv6_range
        if self._shape.partition_has_ipv6_range and network is not None and not span:
            span = devices.ipv6_range(self._shape, number, network, self._ranges, self._draw)
            self._ranges.add(str(span["network"]))
        return self.equipment(number, msgspec.structs.replace(known, address_list=given, ipv6_range=span))

    def equipment(self, number: int, slot: Slot) -> Slot:
        """Return a partition with tap, tun and disks."""
        tap, tun = devices.tap(self._shape, number, slot.tap, self._network), slot.tun
        if self._around.gateway and not tap.ipv4_addr:
            tap = devices.behind(self._around.gateway, self._taps, tap)
        if self._shape.create_tun and tun is None:
            tun = devices.tun(self._shape, number, self._network, self._tuns)
            self._tuns.add(tun.ipv4_addr)
        disks = [f"{disk}/{slot.reference}" for disk in self._around.disks]
        return msgspec.structs.replace(slot, tap=tap, tun=tun, external_storage_list=disks)

    def _new(self, number: int) -> Slot:
        shape = self._shape
        name = f"{shape.partition_base_name}{number}"
        folder = str(shape.instance_root / name)
        user = User(name=f"{shape.user_base_name}{number}", path=folder, additional_group_list=[shape.software_user])
        return Slot(reference=name, path=folder, user=user, tap=Device(name=f"{shape.tap_base_name}{number}"))

    def _addresses(self, number: int, known: Slot) -> list[Address]:
        own = _by_version(known)
        found = [own[_V4] if _V4 in own and self._usable(own[_V4], self._shape.interface_name) else self._drawn()]
        if _V6 in own and self._usable(own[_V6], self._shape.ipv6_interface or self._shape.interface_name):
            found.append(own[_V6])
        elif self._network is not None:
            address = addresses.free_of_partition(
                number, self._network, self._shape.ipv6_prefixshift, self._taken6, self._draw
            )
            found.append(Address(str(address), str(self._network.netmask)))
        self._taken |= {one.addr for one in found}
        self._taken6 |= {one.addr for one in found}
        return found

    def _usable(self, address: Address, interface: str | None) -> bool:
        if not self._shape.alter_network:
            return True
        holder = self._around.held.get(address.addr)
        return address.addr not in self._around.refused and holder in {None, interface or "lo"}

    def _drawn(self) -> Address:
        return Address(str(addresses.local(_local_network(self._shape), self._taken, self._draw)), _HOST)


def _own(around: Surroundings) -> set[str]:
    """Return the address that the others are derived from, which is the machine's own."""
    base = addresses.reference(around.found)
    return {str(base.ip)} if base else set()


def _by_version(slot: Slot) -> dict[int, Address]:
    """Return the recorded IPv4 and IPv6 address. Raises NodeError for anything else."""
    found: dict[int, Address] = {}
    for one in slot.address_list:
        try:
            version = ip_address(one.addr).version
        except ValueError:
            raise NodeError(f"{slot.reference}: {one.addr!r} is recorded, which is no address") from None
        if version in found:
            raise NodeError(
                f"{slot.reference} must have one IPv4 and one IPv6 address; recorded are "
                f"{', '.join(each.addr for each in slot.address_list)}. Restore computer_xml from its zip archive"
            )
        found[version] = one
    return found


def _local_network(shape: Shape) -> IPv4Network:
    if not shape.ipv4_local_network:
        text = "ipv4_local_network is missing; give the network that partitions get addresses of, such as 10.0.0.0/16"
        raise ConfigurationError(text, shape.path, "slapformat", "ipv4_local_network")
    return IPv4Network(shape.ipv4_local_network, strict=False)
