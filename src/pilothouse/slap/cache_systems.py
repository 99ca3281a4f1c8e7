"""Which system this is, and whether a binary release of another one runs here (master spec 10.14, node spec 10.2)."""

import ast
import platform
import subprocess
import sysconfig
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

_OLD_ARCHITECTURES = {"x86_64": "x86_64-linux-gnu"}


class System(NamedTuple):
    """A distribution on an architecture; ``name``, ``version`` and ``codename`` as their publisher wrote them."""

    multiarch: str
    name: str
    version: str
    codename: str

    def fits(self, other: "System") -> bool:
        """Return whether what was built on one runs on the other."""
        return self.multiarch == other.multiarch and self.kind == other.kind

    @property
    def kind(self) -> tuple[str, ...]:
        """What two systems must have in common; of Debian only the major version counts."""
        name = self.name.lower()
        if name in {"debian", "raspbian"}:
            return ("debian", self.version.split(".")[0])
        return (name, self.version, self.codename)


def current() -> System:
    """Return the system that this process runs on."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    name, version = release.get("ID", platform.system()), release.get("VERSION_ID", "")
    return System(_multiarch(), name, version, release.get("VERSION_CODENAME", ""))


def described(value: Mapping[str, Any]) -> System:
    """Return the system that a cache entry was built on; also that of entries in the older form."""
    system = value.get("os")
    if isinstance(system, str):  # older builders wrote it as Python text
        try:
            system = ast.literal_eval(system)
        except (ValueError, SyntaxError):
            system = (system,)
    parts = [str(part) for part in system] if isinstance(system, Sequence) else []
    machine = str(value.get("machine", ""))
    multiarch = str(value.get("multiarch") or _OLD_ARCHITECTURES.get(machine, machine))
    name, version, codename = (*parts, "", "", "")[:3]
    return System(multiarch, name, version, codename)


def _multiarch() -> str:
    try:
        return subprocess.run(["gcc", "-dumpmachine"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return sysconfig.get_config_var("MULTIARCH") or f"{platform.machine()}-linux-gnu"
