"""A machine that is cut into partitions, as it describes itself (slapos-master 2.3) and as it is read back."""

import msgspec

from pilothouse.services.states import InstanceState, ReportedInstanceState, ReportedSoftwareState, SoftwareState


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """One address of a partition; ``interface`` is the tap's name, or the partition's where it has no tap."""

    interface: str
    address: str
    netmask: str = ""
    gateway: str = ""
    network: str = ""


class PartitionFormat(msgspec.Struct, frozen=True, kw_only=True):
    """One partition in what ``node format`` posts."""

    reference: str
    addresses: tuple[Address, ...] = ()
    capabilities: tuple[str, ...] = ()


class NodeFormat(msgspec.Struct, frozen=True, kw_only=True):
    """What ``node format`` posts: the machine and all its partitions, in order.

    ``details`` keeps whatever else the machine said of itself (os_type, software_root, versions ...).
    """

    reference: str
    address: str | None = None
    netmask: str | None = None
    partitions: tuple[PartitionFormat, ...] = ()
    details: dict[str, object] = {}


class SharedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One shared (slave) instance, as the partition that hosts it sees it (slapos-master 6.7).

    ``reference`` is ``<title of the tree's root, or nothing>_<title>``.
    """

    reference: str
    title: str
    software_type: str
    parameters: dict[str, str]
    connection: dict[str, str] = {}
    timestamp: float = 0.0


class Occupant(msgspec.Struct, frozen=True, kw_only=True):
    """What occupies a partition, with all that its node must know to run it."""

    instance_id: int
    guid: str
    title: str
    root_title: str
    software_url: str
    software_type: str
    state: InstanceState
    parameters: dict[str, str]
    connection: dict[str, str]
    timestamp: float
    shared: tuple[SharedEntry, ...] = ()
    filter: dict[str, str] = {}
    access_status: str = ""
    reported_state: ReportedInstanceState = ""


class Partition(msgspec.Struct, frozen=True, kw_only=True):
    """A slot of a node, free when ``occupant`` is None."""

    computer: str
    reference: str
    addresses: tuple[Address, ...] = ()
    occupant: Occupant | None = None


class Software(msgspec.Struct, frozen=True, kw_only=True):
    """A release supplied to a node, or to be removed from it."""

    url: str
    computer: str
    state: SoftwareState
    reported_state: ReportedSoftwareState = ""
    status: str = ""


class NodeDocument(msgspec.Struct, frozen=True, kw_only=True):
    """All that a node asks for in one call: its partitions in the order of registration, its releases."""

    computer: str
    title: str
    partitions: tuple[Partition, ...]
    software: tuple[Software, ...]


class NodeEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a list of nodes."""

    computer: str
    title: str
    address: str | None = None
    netmask: str | None = None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The last that was said of a node, an instance or a release (slapos-master 15.3).

    ``at`` is seconds since the epoch, None when nothing was ever said; ``since`` is when ``text`` last changed.
    """

    reference: str
    user: str
    text: str
    state: str = ""
    at: float | None = None
    since: float | None = None
