"""What ``node format`` posts, read into values; every fault with its place (slapos-master 2.3)."""

from collections.abc import Mapping
from typing import Final

from pilothouse.server.api.slap.forms import shown
from pilothouse.server.master.errors import InvalidRequestError
from pilothouse.services.node import Address, NodeFormat, PartitionFormat
from pilothouse.slap.documents import Value

_READ: Final = frozenset({"reference", "address", "netmask", "partition_list"})
_Fields = Mapping[Value, Value]


def from_marshal(values: Mapping[str, Value]) -> NodeFormat:
    """Return the node that a document describes. Raises InvalidRequestError."""
    slots = _list(values.get("partition_list"), "partition_list")
    partitions = tuple(_partition(slot, f"partition_list[{number}]") for number, slot in enumerate(slots))
    names = [slot.reference for slot in partitions]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidRequestError(f"xml: partition_list: the reference {twice!r} is there twice")
    return NodeFormat(
        reference=_text(values, "reference", ""),
        address=_perhaps(values, "address"),
        netmask=_perhaps(values, "netmask"),
        partitions=partitions,
        details={key: _plain(value, key) for key, value in values.items() if key not in _READ},
    )


def _partition(slot: Value, where: str) -> PartitionFormat:
    fields = _dictionary(slot, where)
    reference = _text(fields, "reference", f"{where}.")
    tap = fields.get("tap")
    about = {} if tap is None else _dictionary(tap, f"{where}.tap")
    name = about.get("name")
    if name is not None and not isinstance(name, str):
        raise _wrong(f"{where}.tap.name", name, "text")
    given = _list(fields.get("address_list", []), f"{where}.address_list")
    return PartitionFormat(
        reference=reference,
        addresses=tuple(
            _address(one, name or reference, about, f"{where}.address_list[{number}]")
            for number, one in enumerate(given)
        ),
        capabilities=tuple(
            _as_text(one, f"{where}.capability_list[{number}]")
            for number, one in enumerate(_list(fields.get("capability_list", []), f"{where}.capability_list"))
        ),
    )


def _address(given: Value, interface: str, tap: _Fields, where: str) -> Address:
    fields = _dictionary(given, where)
    address = _text(fields, "addr", f"{where}.")
    family = "ipv6" if ":" in address else "ipv4"
    routed = tap.get(f"{family}_addr") == address
    return Address(
        interface=interface,
        address=address,
        netmask=_perhaps(fields, "netmask") or "",
        gateway=(_perhaps(tap, f"{family}_gateway") or "") if routed else "",
        network=(_perhaps(tap, f"{family}_network") or "") if routed else "",
    )


def _text(fields: Mapping[str, Value] | _Fields, key: str, where: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or not value:
        raise _wrong(f"{where}{key}", value, "text, not empty")
    return value


def _perhaps(fields: Mapping[str, Value] | _Fields, key: str) -> str | None:
    value = fields.get(key)
    return None if value is None else _as_text(value, key)


def _as_text(value: Value, where: str) -> str:
    if not isinstance(value, str):
        raise _wrong(where, value, "text")
    return value


def _list(value: Value, where: str) -> list[Value]:
    if not isinstance(value, list | tuple):
        raise _wrong(where, value, "list")
    return list(value)


def _dictionary(value: Value, where: str) -> dict[Value, Value]:
    if not isinstance(value, dict):
        raise _wrong(where, value, "dictionary")
    return value


def _plain(value: Value, where: str) -> object:
    # kept as JSON, so only what JSON has
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(one, f"{where}[{number}]") for number, one in enumerate(value)]
    if isinstance(value, dict):
        return {_as_text(key, f"key of {where}"): _plain(one, f"{where}.{key}") for key, one in value.items()}
    raise _wrong(where, value, "text, number, list, dictionary or none")


def _wrong(where: str, value: object, wanted: str) -> InvalidRequestError:
    found = "missing" if value is None else shown(value)
    return InvalidRequestError(f"xml: {where} is {found}; allowed: {wanted}")
