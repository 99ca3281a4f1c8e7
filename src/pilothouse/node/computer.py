"""This machine as it is described to its master (node spec, section 7). Pure."""

from typing import Any

import msgspec


class Address(msgspec.Struct, frozen=True):
    """One address of a partition, with its mask as an address."""

    addr: str
    netmask: str


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A tap or tun of a partition; what it has not is an empty text."""

    name: str
    ipv4_addr: str = ""
    ipv4_gateway: str = ""
    ipv4_netmask: str = ""
    ipv4_network: str = ""
    ipv6_addr: str = ""
    ipv6_gateway: str = ""
    ipv6_netmask: str = ""
    ipv6_network: str = ""


class User(msgspec.Struct, frozen=True, kw_only=True):
    """The account of a partition."""

    name: str
    path: str
    additional_group_list: list[str] = []
    shell: str = "/bin/sh"


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One partition: where it is, who owns it, which addresses it has."""

    reference: str
    path: str
    user: User
    address_list: list[Address] = []
    external_storage_list: list[str] = []
    ipv6_range: dict[str, Any] = {}
    tap: Device = Device(name="")
    tun: Device | None = None
    capability_list: list[str] | None = None


class Interface(msgspec.Struct, frozen=True, kw_only=True):
    """The interface that gets the partitions' addresses."""

    name: str
    ipv4_local_network: str | None = None
    ipv6_interface: str | None = None
    ipv6_prefixshift: int = 16


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """The whole machine."""

    reference: str
    instance_root: str
    software_root: str
    partition_list: list[Slot] = []
    address: str | None = None
    netmask: str | None = None
    instance_storage_home: str | None = None
    interface: Interface | None = None
    ipv6_interface: str | None = None
    os_type: str = ""
    partition_has_ipv6_range: bool = True
    public_ipv4_address: str | None = None
    python_version: str = ""
    slapos_version: str = ""
    software_user: str = "slapsoft"
    tap_gateway_interface: str = ""
    tap_ipv6: bool = True


def document(value: "Description | Slot") -> dict[str, Any]:
    """Return plain dictionaries, as they travel."""
    found: dict[str, Any] = msgspec.to_builtins(value)
    for slot in found.get("partition_list", [found]):
        if slot.get("capability_list", "") is None:
            del slot["capability_list"]
    return found


def read(found: object) -> Description:
    """Return a machine from what was stored. Raises msgspec.ValidationError with the place."""
    return msgspec.convert(found, Description, strict=False)
