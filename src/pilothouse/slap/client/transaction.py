"""The file in which a partition notes what it requested, for its node to read (spec 9.9)."""

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def path_of(partition_id: str) -> "Path | None":
    """Return the file of a partition, or None outside of a node."""
    root = os.environ.get("SLAPGRID_INSTANCE_ROOT")
    if not root or "/" in partition_id or not partition_id:
        return None
    from pathlib import Path  # noqa: PLC0415 - only nodes need it

    return Path(root) / partition_id / f".slapos-request-transaction-{partition_id}"


def begin(partition_id: str) -> None:
    """Create the file if it is not there; trouble with the disk is no reason to fail a request."""
    path = path_of(partition_id)
    if path is not None:
        with contextlib.suppress(OSError):
            path.touch()


def note(partition_id: str, title: str) -> None:
    """Add the title of a request that is about to be made."""
    path = path_of(partition_id)
    if path is not None:
        with contextlib.suppress(OSError), path.open("a", encoding="utf-8") as file:
            file.write(f"{title}\n")
