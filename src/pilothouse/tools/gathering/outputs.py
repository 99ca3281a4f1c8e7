"""One output of every node, and the ways to put them together. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from pilothouse.tools.program import ToolError

_KEY: Final = re.compile(r"#\{(?P<marked>[^{}]*)\}|(?P<bare>[^#${}]*)")
_PARTS: Final = 3
BAD_KEY: Final = 3


class Key(msgspec.Struct, frozen=True):
    """Which output is meant: of which operation, by which name; the phase only helps the reader."""

    phase: str
    operation: str
    name: str


class NodeOutput(msgspec.Struct, frozen=True):
    """What one node's operation handed back."""

    host: str
    port: str
    value: Any

    @property
    def key(self) -> str:
        """``host:port``, or the host alone."""
        return f"{self.host}:{self.port}" if self.port else self.host


def read_key(text: str) -> Key:
    """Return the key of ``#{phase.opId.var}``. Raises ToolError (3) when it has not exactly three parts."""
    match = _KEY.fullmatch(text.strip())
    parts = ((match["marked"] or match["bare"] or "") if match else "").split(".")
    if len(parts) != _PARTS or not all(parts):
        raise ToolError(f"the output key is {text!r}; allowed: #{{phase.opId.var}}, three parts", BAD_KEY)
    return Key(*parts)


def node_of(name: str) -> tuple[str, str] | None:
    """Return host and port of a node's file ``<host>-<port>-<resourceId>.json``; None for the runner's and others."""
    parts = name.removesuffix(".json").rsplit("-", 2)
    return (parts[0], parts[1]) if len(parts) == _PARTS and parts[0] != "local" else None


def aggregated(found: Sequence[NodeOutput]) -> dict[str, Any]:
    """Return the values by ``host[:port]``."""
    return {item.key: item.value for item in found}


def concatenated(found: Sequence[NodeOutput], delimiter: str) -> tuple[str, list[Any]]:
    """Return texts joined with the delimiter between them (D50), and the members of lists in one list."""
    texts = [item.value for item in found if isinstance(item.value, str)]
    members = [member for item in found if isinstance(item.value, list) for member in item.value]
    return delimiter.join(texts), members


def merged(found: Sequence[NodeOutput]) -> Any:
    """Return the union of maps (a later node's value wins) or of lists (each member once). Raises ToolError."""
    values = [item.value for item in found]
    if all(isinstance(value, Mapping) for value in values):
        return {key: item for value in values for key, item in value.items()}
    if all(isinstance(value, list) for value in values):
        union: list[Any] = []
        for member in (member for value in values for member in value):
            if member not in union:
                union.append(member)
        return union
    kinds = ", ".join(sorted({type(value).__name__ for value in values}))
    raise ToolError(f"values of the kinds {kinds} cannot be merged; allowed: only objects, or only lists")
