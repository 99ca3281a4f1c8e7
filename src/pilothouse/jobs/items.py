"""Lists written as text: what a loop goes over, and what ``in`` looks into (spec section 4.10)."""

import json
import re
from typing import Any, Final

from pilothouse.jobs.references import Scope, expand, expand_value

_SEPARATORS: Final = re.compile(r"[,\n]")


def split_items(text: str) -> list[Any]:
    """Return the members of a JSON array, else the parts between commas and line ends, trimmed, empty ones left out."""
    found = _array(text)
    return found if found is not None else [part for item in _SEPARATORS.split(text) if (part := item.strip())]


def loop_items(text: str, scope: Scope) -> list[Any]:
    """Return what a loop goes over, with references expanded.

    In a text that is a JSON array each member is expanded by itself, so that no value can break the array.
    Raises UnresolvedReferenceError.
    """
    found = _array(text)
    if found is not None:
        return [expand_value(item, scope) for item in found]
    return split_items(expand(text, scope))


def _array(text: str) -> list[Any] | None:
    if not text.lstrip().startswith("["):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None
