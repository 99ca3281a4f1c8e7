"""The values that marshalled XML carries: Python's own, and the four documents of the SLAP protocol (spec 1.2)."""

from typing import Any, ClassVar, Final, TypeAlias, Union

import msgspec

MODULE: Final = "slapos.slap.slap"
"""The module that every document is said to be of, on the wire."""

Value: TypeAlias = Union[
    bool,
    int,
    float,
    complex,
    str,
    "tuple[Value, ...]",
    "list[Value]",
    "dict[Value, Value]",
    "set[Value]",
    "Document",
    None,
]


class Document(msgspec.Struct, frozen=True, eq=True):
    """What an object is on the wire: its constructor's arguments, and its attributes."""

    arguments: tuple[Any, ...]
    attributes: dict[str, Any]

    kind: ClassVar[str]

    def get(self, name: str, default: Any = None) -> Any:
        """Return an attribute, or ``default`` when the document has none of this name."""
        return self.attributes.get(name, default)


class ComputerDocument(Document, frozen=True):
    """A node with its partitions and software; arguments: computer id."""

    kind = "Computer"


class ComputerPartitionDocument(Document, frozen=True):
    """A slot of a node; arguments: computer id, partition id, request (normally none)."""

    kind = "ComputerPartition"


class SoftwareReleaseDocument(Document, frozen=True):
    """A software release on a node; arguments: URL, computer id."""

    kind = "SoftwareRelease"


class SoftwareInstanceDocument(Document, frozen=True):
    """What a request is answered with; no arguments."""

    kind = "SoftwareInstance"


KINDS: Final[dict[str, type[Document]]] = {
    kind.kind: kind
    for kind in (ComputerDocument, ComputerPartitionDocument, SoftwareReleaseDocument, SoftwareInstanceDocument)
}
"""The only classes that are read or written."""
