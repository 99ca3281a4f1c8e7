"""One partition in one pass of the node."""

from typing import NamedTuple

from pilothouse.node.configuration import Configuration
from pilothouse.node.layout import InstancePlace, NodePlace, SoftwarePlace
from pilothouse.node.master import Wanted
from pilothouse.node.supervisor_rpc import Supervisor


class Partition(NamedTuple):
    """What is wanted, where it is, and who supervises."""

    config: Configuration
    wanted: Wanted
    place: InstancePlace
    node: NodePlace
    supervisor: Supervisor
    debug: bool = False

    @property
    def software(self) -> SoftwarePlace | None:
        """Its release on this machine."""
        return SoftwarePlace(self.config.software_root, self.wanted.url) if self.wanted.url else None
