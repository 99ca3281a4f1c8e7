"""What a partition asks its managers for: lists of objects in files of its own, which may hold anything."""

import json
import logging
from pathlib import Path
from typing import Any, Final

from pilothouse.node import reading

_log: Final = logging.getLogger("slapos")


def listed(path: Path) -> list[Any] | None:
    """Return the list in a file, None when there is no file; one that is no list is said and taken as empty."""
    try:
        text = reading.text(path)
        found = None if text is None else json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        _log.warning("%s is not heeded: %s", path, error)
        return []
    if found is not None and not isinstance(found, list):
        _log.warning("%s is not heeded: give a list", path)
        return []
    return found if text is not None else None
