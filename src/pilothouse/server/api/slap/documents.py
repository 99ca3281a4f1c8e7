"""What the master answers, as the marshalled values that clients load (slapos-master 1.4)."""

import time
from collections.abc import Iterable
from email.utils import formatdate
from typing import Any, Final

from pilothouse.services.instance import InstanceDocument
from pilothouse.services.node import Address, Occupant, Partition, SharedEntry, Software, Status
from pilothouse.slap import instance_xml
from pilothouse.slap.documents import (
    ComputerDocument,
    ComputerPartitionDocument,
    Document,
    SoftwareInstanceDocument,
    SoftwareReleaseDocument,
)

SERVER_URL: Final = "slap_server_url"
"""The literal text that stands for the server's address."""
_FIVE_MINUTES: Final = 300.0


def instance(document: InstanceDocument, *, by_slot: bool = False) -> Document:
    """Return what a request is answered with.

    ``by_slot``: instances are named by their place, as ``slapos proxy`` does, which knows no other name.
    """
    if not document.computer:
        return _elsewhere(document)
    attributes: dict[str, Any] = {
        "_connection_dict": document.connection,
        "_parameter_dict": document.parameters,
        "ip_list": _pairs(document.addresses),
        "slap_computer_id": document.computer,
        "slap_computer_partition_id": document.partition,
        "slap_server_url": SERVER_URL,
        "slap_software_release_url": document.software_url,
        "slap_software_type": document.host_software_type if document.shared else document.software_type,
    }
    if not document.shared:
        attributes |= {
            "_instance_guid": slot_guid(document.computer, document.partition) if by_slot else document.guid,
            "_parameter_dict": {**document.parameters, "timestamp": str(document.timestamp)},
            "_requested_state": document.state,
            "connection_xml": instance_xml.dumps(document.connection) if document.connection else None,
        }
    elif not by_slot:
        # without it a client looks at the host for the state, and then takes the host's connection for its own
        attributes["_requested_state"] = document.state
    return SoftwareInstanceDocument((), attributes)


def partition(slot: Partition, *, by_slot: bool = False) -> Document:
    """Return one partition, free or occupied; ``by_slot`` as for an `instance`."""
    arguments: tuple[Any, ...] = (slot.computer, slot.reference, None)
    attributes: dict[str, Any] = {
        "_computer_id": slot.computer,
        "_instance_guid": slot_guid(slot.computer, slot.reference),
        "_need_modification": 0,
        "_partition_id": slot.reference,
        "_request_dict": None,
        "_requested_state": "destroyed",
        "_software_release_document": None,
    }
    if (occupant := slot.occupant) is not None:
        attributes |= {
            "_connection_dict": occupant.connection,
            **({} if by_slot else {"_instance_guid": occupant.guid}),
            "_need_modification": 1,
            "_parameter_dict": _parameters(slot, occupant),
            "_requested_state": occupant.state,
            "_software_release_document": _release(occupant.software_url, slot.computer),
        }
        if occupant.filter:
            attributes["_filter_dict"] = occupant.filter
        if occupant.access_status:
            attributes["_access_status"] = occupant.access_status
    return ComputerPartitionDocument(arguments, attributes)


def software(release: Software) -> Document:
    """Return a release in the list of its node."""
    return _release(release.url, release.computer, {"_requested_state": release.state})


def computer(reference: str, partitions: Any = None, releases: Any = None) -> Document:
    """Return a node; what it holds may be marshalled already."""
    attributes: dict[str, Any] = {
        "_computer_id": reference,
        "_computer_partition_list": [] if partitions is None else partitions,
        "_software_release_list": [] if releases is None else releases,
    }
    return ComputerDocument((reference,), attributes)


def status(said: Status, portal_type: str, now: float) -> dict[str, Any]:
    """Return the last word on something, with how old it is (slapos-master 15.3)."""
    silent = said.at is None
    age = float("inf") if said.at is None else now - said.at
    at = now if said.at is None else said.at
    return {
        "user": "SlapOS Master" if silent else said.user,
        "created_at": formatdate(at, usegmt=True),
        "since": formatdate(at if said.since is None else said.since, usegmt=True),
        "state": said.state,
        "text": f"#error no data found for {said.reference}" if silent else said.text,
        "reference": said.reference,
        "portal_type": portal_type,
        **({"no_data": 1} if silent else {}),
        "no_data_since_15_minutes": int(age > 3 * _FIVE_MINUTES),
        "no_data_since_5_minutes": int(age > _FIVE_MINUTES),
    }


def slot_guid(computer: str, reference: str) -> str:
    """Return the name of a place, where an instance has none of its own."""
    return f"{computer}-{reference}"


def http_date(seconds: float) -> bytes:
    """Return a time as HTTP headers have it."""
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(seconds)).encode()


def _elsewhere(document: InstanceDocument) -> Document:
    # what nothing was allocated for has only a name for its place (6.8)
    attributes: dict[str, Any] = {
        "_computer_id": "",
        "_connection_dict": document.connection,
        "_parameter_dict": document.parameters,
        "_partition_id": document.partition,
        "_request_dict": None,
        "_requested_state": document.state,
        "_software_release_document": _release(document.software_url, ""),
        "slap_computer_id": "",
        "slap_computer_partition_id": document.partition,
    }
    return ComputerPartitionDocument(("", document.partition, None), attributes)


def _parameters(slot: Partition, occupant: Occupant) -> dict[str, Any]:
    full: list[Any] = [
        (one.interface, one.address, one.gateway, one.netmask, one.network) for one in slot.addresses if one.gateway
    ]
    return {
        **occupant.parameters,
        "ip_list": _pairs(slot.addresses),
        "full_address_list": [],
        **({"full_ip_list": full} if full else {}),
        "slap_software_type": occupant.software_type,
        "instance_title": occupant.title,
        "root_instance_title": occupant.root_title,
        "slap_computer_id": slot.computer,
        "slap_computer_partition_id": slot.reference,
        "slap_software_release_url": occupant.software_url,
        "slave_instance_list": [_shared(entry) for entry in occupant.shared],
        "timestamp": str(occupant.timestamp),
    }


def _shared(entry: SharedEntry) -> Any:
    # reserved keys win: a parameter must not be taken for another instance's reference (X27)
    return {
        **entry.parameters,
        "slave_reference": entry.reference,
        "slave_title": entry.reference,
        "slap_software_type": entry.software_type,
    }


def _release(url: str, computer: str, more: dict[str, Any] | None = None) -> Document:
    attributes: dict[str, Any] = {
        "_computer_guid": computer,
        "_software_instance_list": [],
        "_software_release": url,
        **(more or {}),
    }
    return SoftwareReleaseDocument((url, computer), attributes)


def _pairs(addresses: Iterable[Address]) -> list[Any]:
    return [(one.interface, one.address) for one in addresses]
