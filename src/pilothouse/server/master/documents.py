"""What is answered, made from rows."""

from typing import Any, cast

import msgspec
from sqlalchemy import Connection

from pilothouse.services.instance import InstanceDocument, InstanceEntry, guid_of
from pilothouse.services.node import Address, NodeEntry, Occupant, Partition, SharedEntry, Software, Status
from pilothouse.services.states import DEFAULT_SOFTWARE_TYPE, InstanceState
from pilothouse.services.wording import NOBODY, no_data
from pilothouse.store import instances, partitions
from pilothouse.store.instances import InstanceRow
from pilothouse.store.messages import Said
from pilothouse.store.nodes import NodeRow
from pilothouse.store.partitions import PartitionRow
from pilothouse.store.supplies import SupplyRow

_texts = msgspec.json.Decoder(dict[str, str])
_encoder = msgspec.json.Encoder(order="sorted")


def texts(stored: str) -> dict[str, str]:
    """Return the names and texts that a column holds."""
    return {} if stored == "{}" else _texts.decode(stored)


def stored(values: Any) -> str:
    """Return a structure as a column holds it; the same for equal structures."""
    return _encoder.encode(values).decode()


def instance(connection: Connection, row: InstanceRow) -> InstanceDocument:
    """Return an instance with its place."""
    if row.host_id is None:
        return document(row, partitions.addresses(connection, row.id))
    host = instances.by_id(connection, row.host_id)
    return document(row, partitions.addresses(connection, row.host_id), host)


def document(row: InstanceRow, addresses: tuple[Address, ...], host: InstanceRow | None = None) -> InstanceDocument:
    """Return an instance whose addresses, and host, are known."""
    return InstanceDocument(
        instance_id=row.id,
        guid=guid_of(row.id),
        title=row.title,
        requester_title="" if row.root_id is None else row.root_title,
        root_title=row.root_title,
        software_url=row.software_url,
        software_type=row.software_type,
        state=cast("InstanceState", row.state),
        shared=bool(row.shared),
        parameters=texts(row.parameters),
        connection=texts(row.connection),
        filter=texts(row.filter),
        computer=row.computer,
        partition=row.place,
        addresses=addresses,
        timestamp=row.timestamp,
        host_guid=guid_of(host.id) if host else "",
        host_software_type=host.software_type if host else DEFAULT_SOFTWARE_TYPE,
        access_status=row.status_text,
    )


def entry(row: InstanceRow) -> InstanceEntry:
    """Return an instance as a line of a list."""
    return InstanceEntry(
        title=row.title,
        requester_title="" if row.root_id is None else row.root_title,
        guid=guid_of(row.id),
        software_url=row.software_url,
        software_type=row.software_type,
        state=cast("InstanceState", row.state),
        shared=bool(row.shared),
        computer=row.computer,
        partition=row.place,
        parameters=texts(row.parameters),
    )


def partition(
    computer: str,
    row: PartitionRow,
    addresses: tuple[Address, ...],
    held: InstanceRow | None,
    hosted: list[InstanceRow],
) -> Partition:
    """Return a slot with what occupies it."""
    return Partition(
        computer=computer,
        reference=row.reference,
        addresses=addresses,
        occupant=_occupant(held, hosted) if held else None,
    )


def software(computer: str, row: SupplyRow) -> Software:
    """Return a release of a node."""
    return Software(
        url=row.url,
        computer=computer,
        state=cast("Any", row.state),
        reported_state=cast("Any", row.reported),
        status=row.status_text,
    )


def node_entry(row: NodeRow) -> NodeEntry:
    """Return a node as a line of a list."""
    return NodeEntry(computer=row.reference, title=row.title or row.reference, address=row.address, netmask=row.netmask)


def status(reference: str, said: Said, state: str = "") -> Status:
    """Return the last word on something, or that nothing was ever said."""
    if said.at is None:
        return Status(reference=reference, user=NOBODY, text=no_data(reference), state=state)
    return Status(
        reference=reference, user=said.by, text=said.text, state=said.reported or state, at=said.at, since=said.since
    )


def _occupant(row: InstanceRow, hosted: list[InstanceRow]) -> Occupant:
    return Occupant(
        instance_id=row.id,
        guid=guid_of(row.id),
        title=row.title,
        root_title=row.root_title,
        software_url=row.software_url,
        software_type=row.software_type,
        state=cast("InstanceState", row.state),
        parameters=texts(row.parameters),
        connection=texts(row.connection),
        timestamp=row.timestamp,
        shared=tuple(_shared(each) for each in hosted),
        filter=texts(row.filter),
        access_status=row.status_text,
        reported_state=cast("Any", row.reported),
    )


def _shared(row: InstanceRow) -> SharedEntry:
    return SharedEntry(
        reference=row.shared_reference,
        title=row.shared_reference,
        software_type=row.software_type,
        parameters=texts(row.parameters),
        connection=texts(row.connection),
        timestamp=row.timestamp,
    )
