"""Which partitions a machine is to have, from what is recorded and what the machine has (node spec, 6.4, 6.7)."""

import random
from ipaddress import IPv4Interface, IPv6Interface
from pathlib import Path

import msgspec
import pytest

from pilothouse.node import slots
from pilothouse.node.computer import Address, Description, Device
from pilothouse.node.errors import ConfigurationError, NodeError
from pilothouse.node.shape import Shape
from pilothouse.node.slots import Surroundings

BASE = IPv6Interface("2001:db8:1::1/64")
AROUND = Surroundings(found=(BASE,), held={"2001:db8:1::1": "eth0"})


def shape(amount: int = 2, **more: object) -> Shape:
    return msgspec.structs.replace(
        Shape(
            path="/f.cfg",
            computer_id="C",
            master_url="http://m",
            instance_root=Path("/i"),
            software_root=Path("/s"),
            computer_xml=Path("/x"),
            partition_amount=amount,
            interface_name="eth0",
            ipv4_local_network="10.0.0.0/16",
            partition_base_name="slappart",
            user_base_name="slapuser",
            tap_base_name="slaptap",
        ),
        **more,
    )


def planned(asked: Shape, recorded: Description | None = None, around: Surroundings = AROUND) -> Description:
    return slots.planned(asked, recorded, around, random.Random(7))


def wide(machine: Description) -> list[str]:
    return [slot.address_list[1].addr for slot in machine.partition_list]


def test_what_is_recorded_stays_and_what_it_lacked_comes() -> None:
    plain = planned(shape(alter_network=False, create_tap=False, partition_has_ipv6_range=False), None, Surroundings())
    assert [len(slot.address_list) for slot in plain.partition_list] == [1, 1]
    full = planned(shape(3, create_tun=True), plain, msgspec.structs.replace(AROUND, disks=("/d/data1",)))
    for old, new in zip(plain.partition_list, full.partition_list, strict=False):
        assert new.address_list[0] == old.address_list[0]
    assert wide(full) == ["2001:db8:1::2", "2001:db8:1::3", "2001:db8:1::4"]
    assert [slot.ipv6_range["network"] for slot in full.partition_list][:2] == [
        "2001:db8:1:0:4001::/80",
        "2001:db8:1:0:4002::/80",
    ]
    assert full.partition_list[0].tap.ipv6_network == "2001:db8:1:0:8001::/80"
    assert full.partition_list[2].tun == Device(
        name="slaptun2",
        ipv4_addr="172.24.0.1",
        ipv4_netmask="255.252.0.0",
        ipv4_network="172.24.0.1/255.252.0.0",
        ipv6_addr="2001:db8:1:0:c003::1",
        ipv6_netmask="ffff:ffff:ffff:ffff:ffff::",
        ipv6_network="2001:db8:1:0:c003::/80",
    )
    assert full.partition_list[1].external_storage_list == ["/d/data1/slappart1"]
    assert planned(shape(3, create_tun=True), full) == msgspec.structs.replace(
        full, partition_list=[msgspec.structs.replace(one, external_storage_list=[]) for one in full.partition_list]
    )


def test_addresses_that_others_have_are_replaced_and_only_those() -> None:
    first = planned(shape())
    local = first.partition_list[0].address_list[0].addr
    around = msgspec.structs.replace(
        AROUND, held={local: "lo", "2001:db8:1::3": "eth1"}, refused=frozenset({"2001:db8:1::2"})
    )
    second = planned(shape(), first, around)
    before, after = ([slot.address_list for slot in one.partition_list] for one in (first, second))
    assert after[0][0] != before[0][0]
    assert after[1][0] == before[1][0]
    assert {"2001:db8:1::2", "2001:db8:1::3"} & set(wide(second)) == set()
    assert len(set(wide(second))) == 2
    assert planned(shape(alter_network=False), first, around).partition_list == first.partition_list


def test_without_chance_a_taken_address_is_an_error() -> None:
    around = msgspec.structs.replace(AROUND, refused=frozenset({"2001:db8:1::2"}))
    with pytest.raises(NodeError, match="2001:db8:1::2 of partition 0 is taken"):
        planned(shape(ipv6_prefixshift=12), None, around)


def test_the_machine_keeps_its_own_address() -> None:
    around = Surroundings(found=(IPv6Interface("2001:db8:1::2/64"),))
    assert "2001:db8:1::2" not in wide(planned(shape(), None, around))


def test_taps_get_addresses_until_the_gateway_has_none_left() -> None:
    around = msgspec.structs.replace(AROUND, gateway=IPv4Interface("10.5.0.1/30"))
    machine = planned(shape(1), None, around)
    assert machine.partition_list[0].tap.ipv4_addr == "10.5.0.2"
    with pytest.raises(
        NodeError, match=r"slaptap1: the network 10\.5\.0\.0/30 of tap_gateway_interface has no address"
    ):
        planned(shape(2), machine, around)


def test_what_cannot_be_recorded_is_refused() -> None:
    machine = planned(shape(1))
    (slot,) = machine.partition_list
    twice = [slot.address_list[0], Address("10.0.0.9", "255.255.255.255")]
    broken = msgspec.structs.replace(machine, partition_list=[msgspec.structs.replace(slot, address_list=twice)])
    with pytest.raises(NodeError, match="slappart0 must have one IPv4 and one IPv6 address"):
        planned(shape(1), broken)
    with pytest.raises(ConfigurationError, match=r"\(0\) is lower than already configured \(1\), cannot continue"):
        planned(shape(0), machine)
    with pytest.raises(ConfigurationError, match="ipv4_local_network is missing"):
        planned(shape(1, ipv4_local_network=None))
    with pytest.raises(NodeError, match="No IPv6 found on interface 'eth0'"):
        planned(shape(1), None, Surroundings())
