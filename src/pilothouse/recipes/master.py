"""The instance's way to its master, by the section that the node appends to each profile (node spec 12.5)."""

from typing import TYPE_CHECKING

from pilothouse.recipes.part import Buildout, problem

if TYPE_CHECKING:
    from pilothouse.slap.client import ComputerPartition

_SECTION = "slap-connection"


def partition(buildout: Buildout) -> "ComputerPartition":
    """Return the partition that is built, as the master knows it. Raises UserError outside of a node."""
    from pilothouse.slap.client import slap  # noqa: PLC0415 - parts that need no master are quicker without

    try:
        told = buildout[_SECTION]
        url, computer, name = (told[key] for key in ("server-url", "computer-id", "partition-id"))
    except KeyError as error:
        raise problem(f"[{_SECTION}] says nothing of {error}; instances are built by: slapos node instance") from None
    door = slap()
    door.initializeConnection(url, told.get("key-file") or None, told.get("cert-file") or None)
    return door.registerComputerPartition(computer, name)


def release_url(buildout: Buildout) -> str:
    """Return the software release of the instance that is built."""
    return str(buildout[_SECTION]["software-release-url"])


def state(buildout: Buildout) -> str:
    """Return what is asked of the instance that is built: started or stopped."""
    return str(buildout[_SECTION]["requested-state"])
