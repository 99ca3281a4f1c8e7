"""What the checks of a master need, through any library of the shape of `slapos.slap`.

This module and the checks also run inside the original's environment. So they need nothing but a library, and
neither pytest nor Pilothouse.
"""

import itertools
import os
from typing import Any

SR = "http://sr.example/software.cfg"
RESERVED = frozenset(
    {
        "full_address_list",
        "full_ip_list",
        "instance_title",
        "ip_list",
        "root_instance_short_title",
        "root_instance_title",
        "slap_computer_id",
        "slap_computer_partition_id",
        "slap_software_release_url",
        "slap_software_type",
        "slave_instance_list",
        "timestamp",
    }
)
_numbers = itertools.count(1)


class World:
    """One master, seen through ``library``; ``dumps`` writes marshalled XML, ``http_error`` is its other error."""

    def __init__(self, library: Any, dumps: Any, http_error: Any, url: str, rest_url: str) -> None:
        self.library = library
        self.dumps = dumps
        self.url = url
        self.rest_url = rest_url
        self.refusals = (library.NotFoundError, library.ServerError, http_error)
        self.http_error = http_error
        self.slap = library.slap()
        self.slap.initializeConnection(url, slapgrid_rest_uri=rest_url)
        self.order = self.slap.registerOpenOrder()
        self.supply = self.slap.registerSupply()

    def name(self, what: str) -> str:
        """Return a name that nobody had before."""
        return f"{what}-{os.getpid()}-{next(_numbers)}"

    def node(self, partitions: int) -> "Node":
        node = Node(self, self.name("COMP"), [self.name("part") for _ in range(partitions)])
        node.format()
        return node

    def refused(self, error: Any, call: Any, *args: Any, **kw: Any) -> Any:
        """Return the error that a call must raise."""
        try:
            found = call(*args, **kw)
        except error as raised:
            return raised
        raise AssertionError(f"{call} gave {found!r} instead of raising {error}")

    def fresh(self, partition: Any) -> Any:
        """Return the same partition as the master sees it now."""
        return self.slap.registerComputerPartition(partition._computer_id, partition.getId())

    def stamp(self, partition: Any) -> float:
        return float(self.fresh(partition).getInstanceParameterDict()["timestamp"])

    def stamps(self, *partitions: Any) -> list[float]:
        return [self.stamp(partition) for partition in partitions]

    def parameters(self, partition: Any) -> dict[str, Any]:
        """Return what was stored as parameters, without what the master adds."""
        stored = self.fresh(partition).getInstanceParameterDict()
        return {key: value for key, value in stored.items() if key not in RESERVED}

    def told(self, partition: Any, key: str) -> Any:
        """Return what the master adds to the parameters under a reserved name."""
        return self.fresh(partition).getInstanceParameterDict()[key]


class Node:
    """A computer with partitions of its own names."""

    def __init__(self, world: World, name: str, partitions: list[str]) -> None:
        self.world = world
        self.id = name
        self.partitions = partitions
        self.sla = {"computer_guid": name}

    def format(self, *described: dict[str, Any]) -> None:
        world = self.world
        listed = list(described) or [described_as(name, f"10.0.0.{i}") for i, name in enumerate(self.partitions)]
        document = {"reference": self.id, "address": "10.0.0.1", "netmask": "255.0.0.0", "partition_list": listed}
        world.slap.registerComputer(self.id).updateConfiguration(world.dumps(document))

    def listed(self) -> list[Any]:
        found: list[Any] = self.world.slap.registerComputer(self.id).getComputerPartitionList()
        return found

    def software(self) -> dict[str, str]:
        releases = self.world.slap.registerComputer(self.id).getSoftwareReleaseList()
        assert all(release.getComputerId() == self.id for release in releases)
        assert len(releases) == len({release.getURI() for release in releases})
        return {release.getURI(): release.getState() for release in releases}

    def states(self) -> list[str]:
        return [partition.getState() for partition in self.listed()]

    def request(self, title: str | None = None, parameters: Any = None, **kw: Any) -> Any:
        """Request a service on this node."""
        sr = kw.pop("sr", SR)
        sla = {**self.sla, **kw.pop("sla", {})}
        title = self.world.name("title") if title is None else title
        return self.world.order.request(sr, title, parameters, filter_kw=sla, **kw)

    def child(self, of: Any, title: str | None = None, parameters: Any = None, **kw: Any) -> Any:
        """Request an instance on this node in the name of a partition."""
        sr, kind = kw.pop("sr", SR), kw.pop("kind", "default")
        title = self.world.name("child") if title is None else title
        return of.request(sr, kind, title, partition_parameter_kw=parameters, filter_kw=self.sla, **kw)


def described_as(name: str, address: str, tap: str = "slaptap0") -> dict[str, Any]:
    """Return a partition as formatting describes it."""
    return {
        "reference": name,
        "address_list": [{"addr": address, "netmask": "255.255.255.255"}],
        "tap": {"name": tap},
    }


def place(partition: Any) -> tuple[str, str]:
    return (partition._computer_id, partition.getId())
