"""The addresses of partitions, as the examples of the node spec have them (section 6.7)."""

import random
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network

import pytest

from pilothouse.node import addresses
from pilothouse.node.errors import NodeError

NETWORK = IPv6Network("2001:db8:1::/64")


def test_the_examples_of_the_spec() -> None:
    assert [str(addresses.of_partition(number, NETWORK)) for number in (0, 1)] == ["2001:db8:1::2", "2001:db8:1::3"]
    assert str(addresses.range_of(0, NETWORK, 16)) == "2001:db8:1:0:4001::/80"
    assert str(addresses.range_of(1, NETWORK, 16)) == "2001:db8:1:0:4002::/80"
    assert str(addresses.tap_of(0, NETWORK, 16)) == "2001:db8:1:0:8001:ffff:ffff:ffff/80"
    assert str(addresses.tun_of(0, NETWORK, 16)) == "2001:db8:1:0:c001::1/80"
    assert str(addresses.tun_network(1, 10)) == "172.17.0.0/16"


def test_a_small_network_wraps_and_a_tiny_one_is_refused() -> None:
    small = IPv6Network("2001:db8::/126")
    assert {str(addresses.of_partition(number, small)) for number in range(8)} == {"2001:db8::", "2001:db8::1"}
    with pytest.raises(NodeError, match="too small"):
        addresses.range_of(0, IPv6Network("2001:db8::/112"), 16)


def test_the_reference_is_the_widest_then_the_lowest_or_the_recorded_one() -> None:
    found = [
        IPv6Interface(text)
        for text in ("fe80::1/64", "::1/128", "2001:db8:2::1/64", "2001:db8:1::9/64", "2001:db8:1::5/64", "fd00::1/80")
    ]
    assert str(addresses.reference(found)) == "2001:db8:1::5/64"
    assert str(addresses.reference(found, "2001:db8:2::77")) == "2001:db8:2::1/64"
    assert str(addresses.reference(found, "2001:db8:3::77")) == "2001:db8:1::5/64"
    assert addresses.reference(found[:2]) is None


def test_local_addresses_are_drawn_once_until_there_are_none() -> None:
    network, taken = IPv4Network("10.0.0.0/29"), set[str]()
    for _ in range(6):
        found = str(addresses.local(network, taken, random.Random(1)))
        assert found not in taken
        taken.add(found)
    assert taken == {f"10.0.0.{number}" for number in range(1, 7)}
    with pytest.raises(NodeError, match="no free address"):
        addresses.local(network, taken, random.Random(1))


def test_what_is_taken_is_replaced_by_chance() -> None:
    draw = random.Random(3)
    assert str(addresses.free_of_partition(0, NETWORK, 16, (), draw)) == "2001:db8:1::2"
    other = addresses.free_of_partition(0, NETWORK, 16, {"2001:db8:1::2"}, draw)
    assert other in NETWORK
    assert 0 < int(other) - int(NETWORK.network_address) <= 65000
    span = addresses.free_range(0, NETWORK, 16, {"2001:db8:1:0:4001::/80"}, draw)
    assert span.subnet_of(NETWORK)
    assert (span.prefixlen, str(span) != "2001:db8:1:0:4001::/80") == (80, True)
    with pytest.raises(NodeError, match="is taken"):
        addresses.free_range(0, NETWORK, 12, {str(addresses.range_of(0, NETWORK, 12))}, draw)


def test_tuns_never_share_their_first_address() -> None:
    assert str(addresses.tun_network(2, 4, {"172.16.0.1", "172.24.0.1"})) == "172.20.0.0/14"
    assert str(addresses.tun_network(0, 1)) == "172.16.0.0/12"
    with pytest.raises(NodeError, match="no network left"):
        addresses.tun_network(0, 1, {"172.16.0.1"})


def test_hosts_behind_a_gateway() -> None:
    found = [str(one) for one in addresses.hosts_behind(IPv4Interface("10.0.0.2/29"))]
    assert found == ["10.0.0.1", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"]
