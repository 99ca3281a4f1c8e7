"""Values as the master answers them, for the literal samples of slapos-master 1.5."""

from pilothouse.services.instance import InstanceDocument
from pilothouse.services.node import Address, NodeDocument, Occupant, Partition, Software

ADDRESSES = (
    Address(interface="slaptap0", address="10.0.1.0"),
    Address(interface="slaptap0", address="fd00::0"),
)


def requested(**changes: object) -> InstanceDocument:
    fields: dict[str, object] = {
        "instance_id": 1,
        "guid": "local_computer-slappart0",
        "title": "t",
        "requester_title": "",
        "root_title": "t",
        "software_url": "http://sr.example/a.cfg",
        "software_type": "default",
        "state": "started",
        "shared": False,
        "parameters": {"a": "1", "é": 'ü<&>"'},
        "connection": {},
        "filter": {},
        "computer": "local_computer",
        "partition": "slappart0",
        "addresses": ADDRESSES,
        "timestamp": 1795331981.5168962,
    }
    return InstanceDocument(**{**fields, **changes})  # type: ignore[arg-type]


def occupant(title: str = "t", **changes: object) -> Occupant:
    fields: dict[str, object] = {
        "instance_id": 1,
        "guid": "SOFTINST-1",
        "title": title,
        "root_title": title,
        "software_url": "http://sr.example/a.cfg",
        "software_type": "default",
        "state": "started",
        "parameters": {"a": "1"},
        "connection": {"url": "http://h"},
        "timestamp": 1.5,
    }
    return Occupant(**{**fields, **changes})  # type: ignore[arg-type]


def slot(number: int, held: Occupant | None = None) -> Partition:
    return Partition(computer="local_computer", reference=f"slappart{number}", addresses=ADDRESSES, occupant=held)


def node(*slots: Partition, software: tuple[Software, ...] = ()) -> NodeDocument:
    return NodeDocument(computer="local_computer", title="", partitions=slots, software=software)
