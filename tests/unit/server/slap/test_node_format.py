from typing import Any

import pytest

from pilothouse.server.api.slap import node_format
from pilothouse.server.master.errors import InvalidRequestError
from pilothouse.services.node import Address


def document(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "reference": "COMP-1",
        "address": "10.0.0.1",
        "netmask": "255.0.0.0",
        "os_type": '["x86_64"]',
        "interface": None,
        "partition_list": [
            {
                "reference": "slappart0",
                "path": "/srv/slappart0",
                "address_list": [
                    {"addr": "10.0.1.1", "netmask": "255.255.255.255"},
                    {"addr": "fd00::1", "netmask": ""},
                ],
                "tap": {
                    "name": "slaptap0",
                    "ipv4_addr": "10.0.1.1",
                    "ipv4_gateway": "10.0.0.1",
                    "ipv4_network": "10.0.0.0",
                },
            },
            {"reference": "slappart1", "address_list": [{"addr": "10.0.1.2", "netmask": ""}], "tap": {"name": ""}},
        ],
    }
    return {**fields, **changes}


def test_what_node_format_posts_is_read() -> None:  # A06
    form = node_format.from_marshal(document())
    first, second = form.partitions
    assert (form.reference, form.address, form.netmask) == ("COMP-1", "10.0.0.1", "255.0.0.0")
    assert form.details == {"os_type": '["x86_64"]', "interface": None}
    assert first.addresses == (
        Address(
            interface="slaptap0", address="10.0.1.1", netmask="255.255.255.255", gateway="10.0.0.1", network="10.0.0.0"
        ),
        Address(interface="slaptap0", address="fd00::1"),
    )
    assert second.addresses == (Address(interface="slappart1", address="10.0.1.2"),)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"reference": None}, "xml: reference is missing"),
        ({"reference": ""}, "xml: reference is str ''"),
        ({"partition_list": None}, "xml: partition_list is missing; allowed: list"),
        ({"partition_list": ["p"]}, r"xml: partition_list\[0\] is str 'p'; allowed: dictionary"),
        ({"partition_list": [{}]}, r"xml: partition_list\[0\].reference is missing"),
        ({"partition_list": [{"reference": "p"}, {"reference": "p"}]}, "the reference 'p' is there twice"),
        (
            {"partition_list": [{"reference": "p", "address_list": [{}]}]},
            r"xml: partition_list\[0\].address_list\[0\].addr is missing",
        ),
        ({"partition_list": [{"reference": "p", "tap": 1}]}, r"partition_list\[0\].tap is int '1'"),
        ({"netmask": 8}, "xml: netmask is int '8'"),
        ({"os_type": {1: 2}}, "key of os_type is int '1'"),
        ({"os_type": {1}}, "os_type is set"),
    ],
)
def test_every_fault_is_named_with_its_place(changes: dict[str, Any], text: str) -> None:  # X14
    with pytest.raises(InvalidRequestError, match=text):
        node_format.from_marshal(document(**changes))
