"""Managers: what ``manager_list`` adds to the passes of a node (node spec, section 23).

Each one is a module of this package with a class `Manager`; `load` makes those that are named.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from pilothouse.node.errors import ConfigurationError

if TYPE_CHECKING:
    from pilothouse.node.computer import Description
    from pilothouse.node.configuration import Configuration
    from pilothouse.node.partition import Partition
    from pilothouse.node.shape import Shape
    from pilothouse.node.system import System

KNOWN: Final = ("cpuset", "devperm", "portredir", "prerm", "whitelistfirewall")
_PREFIX: Final = len("manager:")


class Setting(NamedTuple):
    """What managers are told of ``slapos.cfg``; ``items`` are the sections of managers, by the manager's name."""

    path: str
    instance_root: Path
    items: Mapping[str, Mapping[str, str]] = MappingProxyType({})
    power_users: tuple[str, ...] = ()


def setting_of(asked: "Configuration | Shape") -> Setting:
    """Return what managers need of a node's configuration."""
    return Setting(
        path=asked.path,
        instance_root=asked.instance_root,
        items={name[_PREFIX:]: items for name, items in asked.sections.items() if name.startswith("manager")},
        power_users=asked.power_user_list,
    )


class Manager:
    """One manager; what it does not override it leaves alone. Methods raise NodeError, OSError."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    def format(self, machine: "Description", changes: "System") -> None:
        """Act before the partitions are formatted."""

    def format_tear_down(self, machine: "Description", changes: "System") -> None:
        """Act after they were, or after that failed."""

    def instance(self, one: "Partition") -> None:
        """Act before it is decided whether a partition is processed."""

    def instance_tear_down(self, one: "Partition") -> None:
        """Act after a partition was processed or left alone, or after that failed."""

    def report(self, one: "Partition") -> None:
        """Act before a partition is destroyed; it runs no more."""


class Managers:
    """All managers of a node, in the order of ``manager_list``."""

    def __init__(self, members: Sequence[Manager]) -> None:
        self._members = tuple(members)

    def __bool__(self) -> bool:
        return bool(self._members)

    def format(self, machine: "Description", changes: "System") -> None:
        """See `Manager`."""
        for member in self._members:
            member.format(machine, changes)

    def format_tear_down(self, machine: "Description", changes: "System") -> None:
        """See `Manager`."""
        for member in self._members:
            member.format_tear_down(machine, changes)

    def instance(self, one: "Partition") -> None:
        """See `Manager`."""
        for member in self._members:
            member.instance(one)

    def instance_tear_down(self, one: "Partition") -> None:
        """See `Manager`."""
        for member in self._members:
            member.instance_tear_down(one)

    def report(self, one: "Partition") -> None:
        """See `Manager`."""
        for member in self._members:
            member.report(one)


def load(setting: Setting, names: Sequence[str]) -> Managers:
    """Return the managers of these names. Raises ConfigurationError for one that there is not."""
    for name in names:
        if name not in KNOWN:
            text = f"There is no manager {name!r}; manager_list may name {', '.join(KNOWN)}"
            raise ConfigurationError(text, setting.path, "slapos", "manager_list")
    import importlib  # noqa: PLC0415 - a manager is code that is loaded by those only who name it

    return Managers([importlib.import_module(f"{__name__}.{name}").Manager(setting) for name in names])
