"""Where an instance may go: what a filter asks for, and which nodes and trees satisfy it (slapos-master 15.4)."""

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

import msgspec

from pilothouse.services.policy import Policy

CATEGORIES: Final = frozenset(
    {
        "group",
        "cpu_core",
        "cpu_frequency",
        "cpu_type",
        "local_area_network_type",
        "region",
        "memory_size",
        "memory_type",
        "storage_capacity",
        "storage_interface",
        "storage_redundancy",
    }
)
IGNORED: Final = frozenset(
    {
        "retention_delay",
        "fw_restricted_access",
        "fw_rejected_sources",
        "fw_authorized_sources",
        "master_url",  # says which master, and it was this one
        "source_instance_id",  # says what another master forwarded it for
    }
)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a filter asks for; empty texts ask for nothing. ``impossible`` says why nothing can satisfy it."""

    computer: str = ""
    instance: str = ""
    network: str = ""
    project: str = ""
    capability: str = ""
    categories: dict[str, str] = {}
    impossible: str = ""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A node as far as filters can see it; the network is among its categories, as ``network_guid``."""

    reference: str
    project: str = ""
    categories: dict[str, str] = {}


C = TypeVar("C", bound=Candidate)


def wanted(given: Mapping[str, str], policy: Policy) -> Wanted:
    """Read a filter. A key that nobody knows can never be satisfied, except where the policy is lenient."""
    asked = {key: value for key, value in given.items() if value}
    computer = asked.get("computer_guid", "")
    instance = asked.get("instance_guid", "")
    if policy.lenient:
        return Wanted(computer=computer or policy.default_computer, instance=instance)
    categories = {key: value for key, value in asked.items() if key in CATEGORIES}
    named = {"computer_guid", "instance_guid", "network_guid", "project_guid", "capability"}
    unknown = sorted(asked.keys() - named - CATEGORIES - IGNORED)
    return Wanted(
        computer=computer or policy.default_computer,
        instance=instance,
        network=asked.get("network_guid", ""),
        project=asked.get("project_guid", ""),
        capability=asked.get("capability", ""),
        categories=categories,
        impossible=f"no node is described by {', '.join(unknown)}" if unknown else "",
    )


def satisfies(node: Candidate, want: Wanted) -> bool:
    """Whether a node is what the filter asks for; ``europe`` is satisfied by ``europe/west``."""
    if want.impossible or (want.computer and node.reference != want.computer):
        return False
    if want.project and node.project != want.project:
        return False
    asked = {**want.categories, "network_guid": want.network} if want.network else want.categories
    return all(_within(node.categories.get(key, ""), value) for key, value in asked.items())


def choose(nodes: Iterable[C], want: Wanted) -> Iterable[C]:
    """Return the nodes that satisfy the filter, in the order given."""
    return (node for node in nodes if satisfies(node, want))


def holds(capabilities: Iterable[str], want: Wanted) -> bool:
    """Whether a partition may be given: those with capabilities serve only who asks for one of them."""
    those = tuple(capabilities)
    return want.capability in those if want.capability else not those


def host_partition(instance: str, computer: str) -> tuple[str, str]:
    """Return computer and partition of a host that is named by its slot (slapos-master 6.7).

    ``<computer>-<partition>`` and the partition alone are understood; without a computer the last part is taken.
    """
    if computer:
        return computer, instance.removeprefix(f"{computer}-")
    left, _, right = instance.rpartition("-")
    return left, right


def _within(has: str, value: str) -> bool:
    return has == value or has.startswith(f"{value}/")
