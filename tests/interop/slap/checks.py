"""All checks of a master through a library, by name; a master before slapos 1.26 does not pass those in NEWER."""

from collections.abc import Callable
from typing import Any

from tests.interop.slap import checks_library, checks_nodes, checks_requests, checks_slaves, checks_trees
from tests.interop.slap.world import World

NEWER = frozenset({"e03", "f09"})
_MODULES: tuple[Any, ...] = (checks_nodes, checks_requests, checks_trees, checks_slaves, checks_library)
CHECKS: dict[str, Callable[[World], None]] = {
    name: check
    for module in _MODULES
    for name, check in vars(module).items()
    if name[1:3].isdigit() and callable(check)
}


def passed_by(version: str) -> list[str]:
    """Return the names of the checks that an original master of this version passes."""
    newer = tuple(int(part) for part in version.split(".")[:2]) >= (1, 26)
    return [name for name in CHECKS if newer or name.split("_")[0] not in NEWER]
