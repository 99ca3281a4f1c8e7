"""Which promises a partition has (node spec 13.2)."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import NamedTuple

from pilothouse.node.promising.files import title_of


class Found(NamedTuple):
    """A promise: the name of its file, where it is, and whether it is a plugin or a program."""

    name: str
    path: str
    plugin: bool

    @property
    def title(self) -> str:
        """The name under which its files are kept."""
        return title_of(self.name)


def plugin_names(partition: str) -> list[str]:
    """Return the names of the plugins' files, sorted."""
    with suppress(OSError):
        names = os.listdir(os.path.join(partition, "etc", "plugin"))
        return sorted(name for name in names if name.endswith(".py") and not name.startswith("__init__"))
    return []


def found(partition: str) -> tuple[list[Found], list[str]]:
    """Return the promises, plugins first, and the paths of what cannot be one."""
    plugins, programs = (os.path.join(partition, "etc", kind) for kind in ("plugin", "promise"))
    promises = [Found(name, os.path.join(plugins, name), plugin=True) for name in plugin_names(partition)]
    bad = []
    with suppress(OSError):
        for name in sorted(os.listdir(programs)):
            path = os.path.join(programs, name)
            if os.path.isfile(path) and os.access(path, os.X_OK):
                promises.append(Found(name, path, plugin=False))
            else:
                bad.append(path)
    return promises, bad


def tidy(partition: str) -> None:
    """Make the plugins' folder importable, and remove what was compiled from plugins that are gone."""
    folder = os.path.join(partition, "etc", "plugin")
    with suppress(OSError):
        names = set(os.listdir(folder))
        for name in names:
            if name.endswith((".pyc", ".pyo")) and name[:-1] not in names:
                os.unlink(os.path.join(folder, name))
        if "__init__.py" not in names:
            descriptor = os.open(os.path.join(folder, "__init__.py"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            os.close(descriptor)
