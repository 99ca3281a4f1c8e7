"""The master as a node sees it: what it wants of this machine, as values, and whom to tell (node spec, section 4)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pilothouse.slap.client import ConnectionError as UnreachableError
from pilothouse.slap.client import HTTPError, NotFoundError, ServerError, slap

if TYPE_CHECKING:
    from pilothouse.node.configuration import Configuration
    from pilothouse.slap.client import Computer, ComputerPartition, SoftwareRelease

AWAY: Final = (UnreachableError, HTTPError, ServerError)
"""What means that the master is not there for this node now (section 4.5)."""


class Wanted(NamedTuple):
    """What the master wants in one partition.

    ``url`` is None where no release was said, ``timestamp`` where the master does not tell what is new.
    ``remote`` is whom to tell how it went.
    """

    name: str
    state: str
    url: str | None
    timestamp: str | None
    software_type: str
    retention_delay: str
    access_status: str | None
    remote: Any
    parameters: Mapping[str, Any] = MappingProxyType({})
    filters: Mapping[str, Any] = MappingProxyType({})

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its addresses, in the master's order."""
        listed = (*self.parameters.get("ip_list", ()), *self.parameters.get("full_ip_list", ()))
        return tuple(str(address) for _, address, *_ in listed)

    @property
    def partition(self) -> "ComputerPartition":
        """The partition at the master."""
        found: ComputerPartition = self.remote
        return found


def computer(config: "Configuration") -> "Computer":
    """Return this machine at its master; the master is asked for its other address only."""
    door = slap()
    door.initializeConnection(config.master_url, config.key_file, config.cert_file, config.master_ca_file)
    return door.registerComputer(config.computer_id)


def partitions(machine: "Computer") -> "list[ComputerPartition]":
    """Return the partitions in the master's order. Raises SlapException."""
    return machine.getComputerPartitionList()


def releases(machine: "Computer") -> "list[SoftwareRelease]":
    """Return the releases that are supplied to this machine. Raises SlapException."""
    return machine.getSoftwareReleaseList()


def url_of(partition: "ComputerPartition") -> str | None:
    """Return the release of a partition, None when it has none."""
    try:
        return partition.getSoftwareRelease().getURI()
    except (NotFoundError, NameError):
        return None


def wanted(partition: "ComputerPartition") -> Wanted:
    """Return what is wanted in a partition that is not free. Raises SlapException."""
    parameters = partition.getInstanceParameterDict()
    timestamp = parameters.get("timestamp")
    filters = getattr(partition, "_filter_dict", None) or {}
    return Wanted(
        name=partition.getId(),
        state=partition.getState(),
        url=url_of(partition),
        timestamp=None if timestamp is None else str(timestamp),
        software_type=str(parameters.get("slap_software_type") or "(not ready)"),
        retention_delay=str(filters.get("retention_delay", "0")),
        access_status=partition.getAccessStatus(),
        remote=partition,
        parameters=parameters,
        filters=filters,
    )
