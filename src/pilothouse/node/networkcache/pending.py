"""Which releases are to be uploaded, and how often that was tried; what is noted outlives the pass (node spec 10.4).

The original waits half an hour within its pass before it tries again; here a later pass does.
"""

import time
from pathlib import Path
from typing import Final

from pilothouse.files import write_atomic
from pilothouse.node import reading
from pilothouse.node.configuration import Configuration
from pilothouse.node.layout import NodePlace, SoftwarePlace

TRIES: Final = 3
BETWEEN: Final = 1800.0  # seconds
_ADDRESSES: Final = ("upload-binary-cache-url", "upload-binary-dir-url")


def add(config: Configuration, node: NodePlace, place: SoftwarePlace) -> None:
    """Note that a release was built here, if this node uploads what it builds."""
    if all(name in config.networkcache for name in _ADDRESSES):
        write_atomic(_note(node, place), b"0\n", mode=0o600, durable=True)


def is_due(node: NodePlace, place: SoftwarePlace) -> bool:
    """Whether a release is to be uploaded now."""
    count = tries(node, place)
    return count is not None and (not count or time.time() >= _note(node, place).stat().st_mtime + BETWEEN)


def tries(node: NodePlace, place: SoftwarePlace) -> int | None:
    """Return how often it was tried, None when there is nothing to upload."""
    try:
        text = reading.text(_note(node, place))
        return None if text is None else int(text)
    except ValueError:
        return 0


def tried(node: NodePlace, place: SoftwarePlace) -> int:
    """Note that it is tried now, and return how often it was before."""
    count = tries(node, place) or 0
    write_atomic(_note(node, place), f"{count + 1}\n".encode(), mode=0o600)
    return count


def forget(node: NodePlace, place: SoftwarePlace) -> None:
    """Note that nothing is to be uploaded any more."""
    _note(node, place).unlink(missing_ok=True)


def _note(node: NodePlace, place: SoftwarePlace) -> Path:
    return node.run / f"software-{place.md5}.upload"
