"""What is asked of the master, and what it answers: an instance with its place, parameters and connection."""

import msgspec

from pilothouse.services.node import Address
from pilothouse.services.states import DEFAULT_SOFTWARE_TYPE, InstanceState

_PREFIX = "SOFTINST-"


def guid_of(instance_id: int) -> str:
    """Return the name of an instance that never changes and is never given again (slapos-master 15.5)."""
    return f"{_PREFIX}{instance_id}"


def id_of(guid: str) -> int | None:
    """Return the number of the instance of this name, None when it is no such name."""
    number = guid.removeprefix(_PREFIX)
    fits = guid.startswith(_PREFIX) and number.isascii() and number.isdigit() and len(number) < len(str(2**63))
    return int(number) if fits else None


def shared_reference(requester_title: str, title: str) -> str:
    """Return what a host calls a shared instance: the title of the tree's root, or nothing, before its own."""
    return f"{requester_title}_{title}"


class InstanceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request for an instance (slapos-master 2.4, 6).

    ``parameters`` are texts already (section 1.3). ``state`` None means: as it is, and started when it is new.
    """

    title: str
    software_url: str
    software_type: str = ""
    parameters: dict[str, str] = {}
    filter: dict[str, str] = {}
    state: InstanceState | None = None
    shared: bool = False


class InstanceDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One instance, as both classic and JSON answers are made from it.

    ``partition`` and ``computer`` are those of the host for a shared instance, and ``host_*`` say what runs there.
    ``requester_title`` is the title of the tree's root, empty for a root itself. ``guid`` is ours and never changes.
    """

    instance_id: int
    guid: str
    title: str
    requester_title: str
    root_title: str
    software_url: str
    software_type: str
    state: InstanceState
    shared: bool
    parameters: dict[str, str]
    connection: dict[str, str]
    filter: dict[str, str]
    computer: str
    partition: str
    addresses: tuple[Address, ...]
    timestamp: float
    host_guid: str = ""
    host_software_type: str = DEFAULT_SOFTWARE_TYPE
    access_status: str = ""


class InstanceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a list of instances."""

    title: str
    requester_title: str
    guid: str
    software_url: str
    software_type: str
    state: InstanceState
    shared: bool
    computer: str = ""
    partition: str = ""
    parameters: dict[str, str] = {}


class InstanceKey(msgspec.Struct, frozen=True):
    """How JSON-RPC names an instance: ``<title>___<title of the tree's root>___<0|1>`` (slapos-master 4.2)."""

    title: str
    requester_title: str
    shared: bool

    def __str__(self) -> str:
        """Return the name as it is sent."""
        return f"{self.title}___{self.requester_title}___{int(self.shared)}"
