"""The requests, as they go over the wire."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from pilothouse.slap import marshal_writer

COMPUTER: Final = "local_computer"
RELEASE: Final = "http://release.example/software.cfg"


def read(headers: Sequence[str] = ()) -> bytes:
    """Return the request for the computer's whole document."""
    return _raw("GET", f"/getFullComputerInformation?computer_id={COMPUTER}", headers)


def request(title: str, headers: Sequence[str] = ()) -> bytes:
    """Return the request for an instance."""
    return _raw("POST", "/requestComputerPartition", headers, {
        "software_release": RELEASE,
        "software_type": "default",
        "partition_reference": title,
        "partition_parameter_xml": _marshalled({"domain": f"{title}.example", "threads": 4}),
        "filter_xml": _marshalled({}),
        "state": _marshalled(None),
        "shared_xml": _marshalled(False),
    })  # fmt: skip


def format_computer(partitions: int, headers: Sequence[str] = ()) -> bytes:
    """Return what a node with so many partitions posts of itself."""
    described = {
        "reference": COMPUTER,
        "address": "127.0.0.1",
        "netmask": "255.0.0.0",
        "partition_list": [
            {
                "reference": f"slappart{number}",
                "address_list": [{"addr": f"10.0.{number // 250}.{number % 250}", "netmask": "255.255.255.255"}],
                "tap": {"name": f"slaptap{number}"},
            }
            for number in range(partitions)
        ],
    }
    return _raw("POST", "/loadComputerConfigurationFromXML", headers, {"xml": _marshalled(described)})


def supply(headers: Sequence[str] = ()) -> bytes:
    """Return the request to put the release on the computer."""
    return _raw("POST", "/supplySupply", headers, {"url": RELEASE, "computer_id": COMPUTER, "state": "available"})


def _raw(verb: str, target: str, headers: Sequence[str], form: dict[str, str] | None = None) -> bytes:
    body = urlencode(form).encode() if form is not None else b""
    lines = [f"{verb} {target} HTTP/1.1", "Host: 127.0.0.1", "Accept: */*", "User-Agent: slapos.core", *headers]
    if form is not None:
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _marshalled(value: object) -> str:
    return marshal_writer.dumps(value).decode()
