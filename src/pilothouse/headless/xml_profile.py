"""The strict XML of the headless protocol (spec section 8.4): elements in, elements out, and nothing else."""

import base64
import binascii
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, NoReturn
from xml.parsers import expat

from pilothouse.headless import limits
from pilothouse.headless.codes import ErrorCode, ProtocolError

_GROWS: Final = 4096  # bytes that escapes may add to a short text
_ESCAPED: Final = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "\t": "&#9;",
    "\n": "&#10;",
    "\r": "&#13;",
}
_SPECIAL: Final = re.compile('[&<>"\t\n\r]')
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class Element(NamedTuple):
    """One element: text and children, of which one is empty."""

    # a named tuple and no Struct: the client starts without msgspec, which costs more than all the rest of it

    name: str
    attributes: Mapping[str, str] = _NONE
    children: tuple["Element", ...] = ()
    text: str = ""


def parse(payload: bytes) -> Element:
    """Return the root element of ``payload``; raises ProtocolError PROTO_XML or PROTO_LIMIT at the first breach."""
    _check_bytes(payload)
    return _Reader().read(payload)


def write(element: Element) -> bytes:
    """Return ``element`` as XML; raises ValueError for a character that XML cannot carry."""
    return _written(element).encode("utf-8")


def carriable(text: str) -> bool:
    """Return whether XML 1.0 can carry every character of ``text``."""
    return _NOT_XML.search(text) is None


def to_base64(text: str) -> str:
    """Return ``text`` for an element with ``enc="b64"``; bytes that were no UTF-8 (surrogate escapes) survive."""
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = text.encode("utf-8", "surrogatepass")
    return base64.b64encode(raw).decode("ascii")


def from_base64(text: str) -> str:
    """Return what an element with ``enc="b64"`` means; raises ProtocolError PROTO_XML."""
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError) as error:
        raise ProtocolError(ErrorCode.PROTO_XML, 'a text with enc="b64" is no base64') from error


def with_text(name: str, attributes: Mapping[str, str], text: str) -> Element:
    """Return an element with any text, in base64 where XML cannot carry it or would make much more of it."""
    grown = sum(text.count(each) * (len(escaped) - 1) for each, escaped in _ESCAPED.items())
    if carriable(text) and grown <= max(_GROWS, len(text) // 3):
        return Element(name, attributes, (), text)
    return Element(name, {**attributes, "enc": "b64"}, (), to_base64(text))


def text_of(element: Element) -> str:
    """Return the text of an element, out of its base64 where it is in it; raises ProtocolError PROTO_XML."""
    return from_base64(element.text) if element.attributes.get("enc") == "b64" else element.text


def _check_bytes(payload: bytes) -> None:
    # expat takes UTF-16 with a byte-order mark whatever encoding it is told
    if not payload.startswith(b"<") or b"\0" in payload:
        _refuse("a message begins with < and holds no NUL")
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProtocolError(ErrorCode.PROTO_XML, f"byte {error.start} is no UTF-8") from error


class _Open:
    """An element whose end has not come yet."""

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[Element] = []
        self.text: list[str] = []

    def closed(self) -> Element:
        text = "".join(self.text)
        if self.children:
            if text.strip():
                _refuse(f"<{self.name}> mixes text and elements")
            text = ""
        return Element(self.name, self.attributes, tuple(self.children), text)


class _Reader:
    """Handlers that build elements, and stop the parser at whatever the profile forbids."""

    def __init__(self) -> None:
        self._open: list[_Open] = []
        self._elements = 0
        self._root: Element | None = None

    def read(self, payload: bytes) -> Element:
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.ordered_attributes = True
        parser.XmlDeclHandler = self._declaration
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = lambda *_: _refuse("a document type is forbidden")
        parser.ProcessingInstructionHandler = lambda *_: _refuse("a processing instruction is forbidden")
        parser.CommentHandler = lambda *_: _refuse("a comment is forbidden")
        try:
            parser.Parse(payload, True)
        except expat.ExpatError as error:
            _refuse(f"not well-formed: {error}")
        if self._root is None:
            _refuse("no element")
        return self._root

    def _declaration(self, version: str, encoding: str | None, _standalone: int) -> None:
        if version != "1.0" or (encoding is not None and encoding.lower() != "utf-8"):
            _refuse("the XML declaration may only say version 1.0 and utf-8")

    def _start(self, name: str, pairs: list[str]) -> None:
        self._elements += 1
        if self._elements > limits.XML_ELEMENTS:
            _exceed(f"more than {limits.XML_ELEMENTS} elements")
        if len(self._open) >= limits.XML_DEPTH:
            _exceed(f"elements deeper than {limits.XML_DEPTH} levels")
        if len(pairs) > 2 * limits.XML_ATTRIBUTES:
            _exceed(f"more than {limits.XML_ATTRIBUTES} attributes")
        attributes = dict(zip(pairs[::2], pairs[1::2], strict=True))
        for word in (name, *attributes):
            if ":" in word or word == "xmlns":
                _refuse("namespaces are forbidden")
        if any(len(value.encode()) > limits.XML_ATTRIBUTE_VALUE for value in attributes.values()):
            _exceed(f"an attribute longer than {limits.XML_ATTRIBUTE_VALUE} bytes")
        self._open.append(_Open(name, attributes))

    def _end(self, _name: str) -> None:
        element = self._open.pop().closed()
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element

    def _text(self, text: str) -> None:
        if self._open:
            self._open[-1].text.append(text)


def _written(element: Element) -> str:
    head = element.name + "".join(f' {name}="{_escape(value)}"' for name, value in element.attributes.items())
    body = _escape(element.text) + "".join(_written(child) for child in element.children)
    return f"<{head}>{body}</{element.name}>" if body else f"<{head}/>"


def _escape(text: str) -> str:
    if not carriable(text):
        raise ValueError("XML cannot carry a control character; send the text with enc b64")
    return _SPECIAL.sub(lambda match: _ESCAPED[match.group()], text)


def _refuse(reason: str) -> NoReturn:
    raise ProtocolError(ErrorCode.PROTO_XML, reason)


def _exceed(reason: str) -> NoReturn:
    raise ProtocolError(ErrorCode.PROTO_LIMIT, reason)
