"""The values that marshalled XML carries: Python's own, and the four documents of the SLAP protocol (spec 1.2)."""

from typing import Any, ClassVar, Final, TypeAlias, Union

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


class Document:
    """What an object is on the wire: its constructor's arguments, and its attributes.

    A plain class, because commands that start fast load it, and a tuple is another value on the wire.
    """

    __slots__ = ("arguments", "attributes")
    kind: ClassVar[str]

    def __init__(self, arguments: tuple[Any, ...], attributes: dict[str, Any]) -> None:
        self.arguments = arguments
        self.attributes = attributes

    def __eq__(self, other: object) -> bool:
        """Whether another document of this kind says the same."""
        if type(other) is not type(self) or not isinstance(other, Document):
            return NotImplemented
        return (self.arguments, self.attributes) == (other.arguments, other.attributes)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Return what would make it again."""
        return f"{type(self).__name__}({self.arguments!r}, {self.attributes!r})"

    def get(self, name: str, default: Any = None) -> Any:
        """Return an attribute, or ``default`` when the document has none of this name."""
        return self.attributes.get(name, default)


class ComputerDocument(Document):
    """A node with its partitions and software; arguments: computer id."""

    __slots__ = ()
    kind = "Computer"


class ComputerPartitionDocument(Document):
    """A slot of a node; arguments: computer id, partition id, request (normally none)."""

    __slots__ = ()
    kind = "ComputerPartition"


class SoftwareReleaseDocument(Document):
    """A software release on a node; arguments: URL, computer id."""

    __slots__ = ()
    kind = "SoftwareRelease"


class SoftwareInstanceDocument(Document):
    """What a request is answered with; no arguments."""

    __slots__ = ()
    kind = "SoftwareInstance"


KINDS: Final[dict[str, type[Document]]] = {
    kind.kind: kind
    for kind in (ComputerDocument, ComputerPartitionDocument, SoftwareReleaseDocument, SoftwareInstanceDocument)
}
"""The only classes that are read or written."""
