"""Lists written as text: what a loop goes over, and what ``in`` looks into (spec section 4.10)."""

import json
import re
from typing import Any, Final

_SEPARATORS: Final = re.compile(r"[,\n]")


def split_items(text: str) -> list[Any]:
    """Return the members of a JSON array, else the parts between commas and line ends, trimmed, empty ones left out."""
    if text.lstrip().startswith("["):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, list):
            return found
    return [part for item in _SEPARATORS.split(text) if (part := item.strip())]
