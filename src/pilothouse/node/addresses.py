"""The addresses that partitions get (node spec, section 6.7). Pure."""

from collections.abc import Collection, Iterable, Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from itertools import chain
from typing import Final, Protocol

from pilothouse.node.errors import NodeError

_BITS: Final = 128
_ROUTER: Final = 2  # the network itself and its router come first
_TRIES: Final = 10
_CHANCES: Final = 65001  # one more than the largest number that is drawn
_CHANCE_SHIFT: Final = 16  # what is drawn has this many bits


class Draw(Protocol):
    """Where chance comes from."""

    def randrange(self, start: int, stop: int) -> int:
        """Return a number from ``start`` up to, not including, ``stop``."""


def reference(found: Iterable[IPv6Interface], recorded: str | None = None) -> IPv6Interface | None:
    """Return the address that the others are derived from: the recorded one's network, else the widest, lowest one."""
    usable = sorted((one for one in found if _is_global(one.ip)), key=lambda one: (one.network.prefixlen, int(one.ip)))
    if recorded and ":" in recorded:
        address = IPv6Address(recorded)
        same = sorted((one for one in usable if address in one.network), key=lambda one: int(one.ip))
        if same:
            return same[0]
    return usable[0] if usable else None


def _is_global(address: IPv6Address) -> bool:
    return not (address.is_link_local or address.is_loopback or address.is_reserved or address.is_multicast)


def of_partition(number: int, network: IPv6Network) -> IPv6Address:
    """Return the IPv6 address of a partition, counted from 0."""
    bits = _BITS - network.prefixlen
    return network[(number + _ROUTER) % max(1, 2**bits - _ROUTER)]


def _portion(chosen: int, network: IPv6Network, shift: int) -> IPv6Network:
    length = network.prefixlen + shift
    if length >= _BITS:
        raise NodeError(
            f"The network {network} is too small for ranges of partitions: ipv6_prefixshift = {shift} leaves no bits"
        )
    return IPv6Network((int(network.network_address) + (chosen << (_BITS - length)), length))


def _part(number: int, shift: int, kind: int) -> int:
    return (kind << (shift - 2)) + number + 1


def range_of(number: int, network: IPv6Network, shift: int) -> IPv6Network:
    """Return the range of a partition. Raises NodeError for a network that is too small."""
    return _portion(_part(number, shift, 1), network, shift)


def tap_of(number: int, network: IPv6Network, shift: int) -> IPv6Interface:
    """Return the address of a partition's tap."""
    portion = _portion(_part(number, shift, 2), network, shift)
    return IPv6Interface((int(portion.broadcast_address), portion.prefixlen))


def tun_of(number: int, network: IPv6Network, shift: int) -> IPv6Interface:
    """Return the address of a partition's tun."""
    portion = _portion(_part(number, shift, 3), network, shift)
    return IPv6Interface((int(portion.network_address) + 1, portion.prefixlen))


def free_of_partition(number: int, network: IPv6Network, shift: int, taken: Collection[str], draw: Draw) -> IPv6Address:
    """Return an IPv6 address that nobody has: the partition's own, else one by chance. Raises NodeError."""
    room = 2 ** (_BITS - network.prefixlen)
    chances = (network[draw.randrange(1, _CHANCES) % room] for _ in range(_TRIES if shift == _CHANCE_SHIFT else 0))
    for found in chain((of_partition(number, network),), chances):
        if str(found) not in taken:
            return found
    raise NodeError(f"The IPv6 address {of_partition(number, network)} of partition {number} is taken; free it")


def free_range(number: int, network: IPv6Network, shift: int, taken: Collection[str], draw: Draw) -> IPv6Network:
    """Return an IPv6 range that nobody has: the partition's own, else one by chance. Raises NodeError."""
    own = range_of(number, network, shift)
    chances = (
        _portion(draw.randrange(1, _CHANCES), network, shift)
        for _ in range(_TRIES if shift == _CHANCE_SHIFT else 0)
    )  # fmt: skip
    for found in chain((own,), chances):
        if str(found) not in taken:
            return found
    raise NodeError(f"The IPv6 range {own} of partition {number} is taken by another one")


def tun_network(number: int, amount: int, taken: Collection[str] = ()) -> IPv4Network:
    """Return the IPv4 network of a partition's tun: one of equal parts of 172.16.0.0/12.

    More partitions make smaller parts, so the first address of one may be another's already; then it is the
    first part whose first address, not in ``taken``, is free. Raises NodeError when there is none.
    """
    bits = max(0, (amount - 1).bit_length())
    length = 12 + bits
    own, others = number, range(2**bits)
    for part in (own, *others):
        found = IPv4Network((int(IPv4Address("172.16.0.0")) + (part << (32 - length)), length))
        if str(found[1]) not in taken:
            return found
    raise NodeError(f"172.16.0.0/12 has no network left for the tun of partition {number}")


def hosts_behind(gateway: IPv4Interface) -> Iterator[IPv4Address]:
    """Yield the addresses that taps may have behind a gateway, in increasing order."""
    for found in gateway.network.hosts():
        if found not in {gateway.ip, gateway.network.network_address}:
            yield found


def local(network: IPv4Network, taken: Collection[str], draw: Draw) -> IPv4Address:
    """Return an address of the network that nobody has. Raises NodeError when there is none."""
    first, last = int(network.network_address), int(network.broadcast_address)
    if last - first > 1:  # the network's own address and its broadcast are no host's
        first, last = first + 1, last - 1
    for _ in range(_TRIES):
        found = IPv4Address(draw.randrange(first, last + 1))
        if str(found) not in taken:
            return found
    free = next((IPv4Address(one) for one in range(first, last + 1) if str(IPv4Address(one)) not in taken), None)
    if free is None:
        raise NodeError(f"ipv4_local_network = {network} has no free address left; give a larger one")
    return free
