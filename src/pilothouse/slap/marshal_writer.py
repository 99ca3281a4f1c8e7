"""Values to marshalled XML, byte for byte as the original writes them (spec 1.2).

The text is built directly: a node's document has tens of thousands of elements, and a tree would cost more than
the text. What was written once can be kept as a Fragment and is copied into later documents.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from pilothouse.errors import UsageError
from pilothouse.slap import markup
from pilothouse.slap.documents import MODULE, Document

_LONG: Final = 1e24
"""From here on integers are called ``long``."""
_DEEPEST: Final = 100
_PLAIN: Final = re.compile(r"[\t\n -%'-;=?-~]*")
_NUMBER: Final = re.compile(r'(<(?:list|dictionary|set|object|reference) id="i)(\d+)')


class MarshalError(UsageError):
    """A value has no form in marshalled XML."""


class Fragment(NamedTuple):
    """A value that was written already; it may stand wherever a value may, as often as one likes.

    ``template`` has a ``%d`` in the place of every id, ``offsets`` says which id it is, counted from the first
    one of the fragment, and ``ids`` how many ids the fragment takes.
    """

    template: str
    offsets: tuple[int, ...]
    ids: int

    def text(self, before: int) -> str:
        """Return the XML in a document where ``before`` was the last id."""
        return self.template % tuple([before + offset for offset in self.offsets])


def dumps(value: object) -> bytes:
    """Return the whole document; raises MarshalError for values that have no form there."""
    return b"".join((b"<marshal>", _written(value)[0].encode("ascii"), b"</marshal>"))


def fragment(value: object) -> Fragment:
    """Write a value once for many documents; raises MarshalError as `dumps` does."""
    text, count = _written(value, first=0)
    # "<" is always escaped in texts, so what looks like an element's id is one
    offsets = tuple([int(match[2]) for match in _NUMBER.finditer(text)])
    return Fragment(_NUMBER.sub(r"\g<1>%d", text.replace("%", "%%")), offsets, count)


def _written(value: object, *, first: int = 1) -> tuple[str, int]:
    writer = _Writer(first)
    try:
        writer.write(value)
    except RecursionError as error:
        raise MarshalError("the value is nested too deeply for marshalled XML") from error
    return "".join(writer.parts), writer.last - first


def escaped(text: str) -> str:
    """Return text as it stands within an element: escaped twice, in ASCII."""
    if _PLAIN.fullmatch(text):
        return text
    if found := markup.ILLEGAL.search(text):
        raise MarshalError(f"the character {found[0]!r} cannot stand in XML; remove it from {text[:40]!r}")
    text = text.replace("&", "&amp;amp;").replace("<", "&amp;lt;").replace(">", "&amp;gt;").replace("\r", "&#13;")
    return text.encode("ascii", "xmlcharrefreplace").decode("ascii")


class _Writer:
    """The state of one document: ``last`` is the id given last; containers are remembered by identity."""

    def __init__(self, last: int) -> None:
        self.parts: list[str] = []
        self.last = last
        self._depth = 0
        self._seen: dict[int, int] = {}

    def write(self, value: object) -> None:
        kind = type(value)
        if kind is str:
            self.parts.append(f"<string>{escaped(value)}</string>")  # type: ignore[arg-type]
            return
        write = _WRITERS.get(kind) or _inherited(kind)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise MarshalError(f"the value is nested more than {_DEEPEST} deep")
        write(self, value)
        self._depth -= 1

    def opened(self, value: object, tag: str, more: str = "") -> bool:
        """Begin a container; False when it was written before and only a reference is needed."""
        if number := self._seen.get(id(value)):
            self.parts.append(f'<reference id="i{number}"/>')
            return False
        self.last += 1
        self._seen[id(value)] = self.last
        self.parts.append(f'<{tag} id="i{self.last}"{more}')
        return True

    def items(self, tag: str, values: Iterable[object]) -> None:
        """Write what a container holds and its end; an empty one is a single tag."""
        mark = len(self.parts)
        self.parts.append(">")
        for value in values:
            self.write(value)
        if len(self.parts) == mark + 1:
            self.parts[mark] = "/>"
        else:
            self.parts.append(f"</{tag}>")


def _in_order(values: Iterable[Any], key: Callable[[Any], Any] = lambda value: value) -> list[Any]:
    try:
        return sorted(values, key=key)
    except TypeError:
        return sorted(values, key=lambda value: repr(key(value)))


def _write_int(writer: _Writer, value: int) -> None:
    tag = "int" if abs(value) < _LONG else "long"
    try:
        writer.parts.append(f"<{tag}>{value:d}</{tag}>")
    except ValueError as error:
        raise MarshalError("an integer has too many digits for marshalled XML") from error


def _write_text(writer: _Writer, value: str) -> None:
    writer.parts.append(f"<string>{escaped(value)}</string>")


def _write_bytes(writer: _Writer, value: bytes) -> None:
    try:
        _write_text(writer, value.decode())
    except UnicodeDecodeError as error:
        raise MarshalError("bytes in marshalled XML must be UTF-8 text") from error


def _write_complex(writer: _Writer, value: complex) -> None:
    writer.parts.append(f"<complex>{value.real} {value.imag}</complex>")


def _write_tuple(writer: _Writer, value: tuple[object, ...]) -> None:
    writer.parts.append("<tuple")
    writer.items("tuple", value)


def _write_list(writer: _Writer, value: list[object]) -> None:
    if writer.opened(value, "list"):
        writer.items("list", value)


def _write_set(writer: _Writer, value: set[object]) -> None:
    if writer.opened(value, "set"):
        writer.items("set", _in_order(value))


def _write_dictionary(writer: _Writer, value: dict[object, object]) -> None:
    if writer.opened(value, "dictionary"):
        pairs = _in_order(value.items(), lambda pair: pair[0])
        writer.items("dictionary", [one for pair in pairs for one in pair])


def _write_document(writer: _Writer, value: Document) -> None:
    if writer.opened(value, "object", f' module="{MODULE}" class="{value.kind}"'):
        writer.items("object", (value.arguments, value.attributes))


def _write_fragment(writer: _Writer, value: Fragment) -> None:
    writer.parts.append(value.text(writer.last))
    writer.last += value.ids


_WRITERS: Final[dict[type, Callable[[_Writer, Any], None]]] = {
    type(None): lambda writer, _: writer.parts.append("<none/>"),
    bool: lambda writer, value: writer.parts.append(f"<bool>{value:d}</bool>"),
    int: _write_int,
    float: lambda writer, value: writer.parts.append(f"<float>{value!s}</float>"),
    complex: _write_complex,
    str: _write_text,
    bytes: _write_bytes,
    tuple: _write_tuple,
    list: _write_list,
    set: _write_set,
    dict: _write_dictionary,
    Fragment: _write_fragment,
    Document: _write_document,
}


def _inherited(kind: type) -> Callable[[_Writer, Any], None]:
    for parent in kind.__mro__:
        if write := _WRITERS.get(parent):
            return write
    names = "texts, numbers, None, tuples, lists, dictionaries, sets and the four documents"
    raise MarshalError(f"{kind.__name__} has no form in marshalled XML; there are only {names}")
