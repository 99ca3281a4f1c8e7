"""Messages as XML and back, in their numbered envelope (spec sections 8.5 and 9)."""

from types import UnionType
from typing import Any, Final, get_args

import msgspec

from pilothouse.headless.codes import ErrorCode, ProtocolError
from pilothouse.headless.messages import CHILDREN, NAME, TEXT, Message, Start
from pilothouse.headless.numbering import unwrap, wrap
from pilothouse.headless.xml_profile import Element, parse, text_of, with_text, write

_SINGLE_TEXT: Final = "scram"  # a child that is only its text
_SINGLE: Final = "kdf"
# in a result the encoding is part of what is told
_KEEPS_ENCODING: Final = "result"


class Envelope(msgspec.Struct, frozen=True):
    """A message with its number, and the number of the message it answers."""

    n: int
    message: Message
    re: int | None = None


def encode(envelope: Envelope) -> bytes:
    """Return the payload; raises ValueError when an attribute has a character that XML cannot carry."""
    return write(wrap(envelope.n, envelope.re, _element(msgspec.to_builtins(envelope.message))))


def decode(payload: bytes, side: UnionType) -> Envelope:
    """Return the message of a payload; ``side`` is ClientMessage or ServerMessage, what may come from there.

    Raises ProtocolError: PROTO_XML, PROTO_LIMIT, PROTO_VERSION, PROTO_STATE for a message that is unknown or
    never comes from that side, BAD_JOB for a start whose jobs cannot be.
    """
    number, answered, child = unwrap(parse(payload))
    if child.name not in _names(side):
        raise ProtocolError(ErrorCode.PROTO_STATE, f"no message is called {child.name!r} here")
    try:
        message = msgspec.convert(_fields(child), side, strict=False)
    except msgspec.ValidationError as error:
        code = ErrorCode.BAD_JOB if child.name == "start" else ErrorCode.PROTO_XML
        raise ProtocolError(code, f"<{child.name}>: {_plain(str(error))}") from error
    return Envelope(number, message, answered)


def start_body(start: Start) -> bytes:
    """Return what a repeated start with the same request id must have again: all of it but the id."""
    fields = msgspec.to_builtins(start)
    del fields["request"]
    return write(_element(fields))


def _names(side: UnionType) -> frozenset[str]:
    return _NAMES.get(side) or _NAMES.setdefault(side, frozenset(kind.__struct_config__.tag for kind in get_args(side)))


_NAMES: Final[dict[UnionType, frozenset[str]]] = {}


def _fields(element: Element) -> dict[str, Any]:
    fields: dict[str, Any] = {**element.attributes, NAME: element.name}
    text = element.text if element.name == _KEEPS_ENCODING else text_of(element)
    if text:
        fields[TEXT] = text
    children = []
    for child in element.children:
        if child.name == _SINGLE_TEXT:
            fields["#scram"] = child.text
        elif child.name == _SINGLE:
            fields["#kdf"] = _fields(child)
        else:
            children.append(_fields(child))
    if children:
        fields[CHILDREN] = children
    return fields


def _element(fields: dict[str, Any]) -> Element:
    attributes = {name: _word(value) for name, value in fields.items() if not name.startswith("#")}
    children = []
    if "#kdf" in fields:
        children.append(_element(fields["#kdf"]))
    if fields.get("#scram") is not None:
        children.append(Element("scram", text=fields["#scram"]))
    children += [_element(child) for child in fields.get(CHILDREN, ())]
    element = with_text(fields[NAME], attributes, fields.get(TEXT, ""))
    return element._replace(children=tuple(children))


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


def _plain(text: str) -> str:
    return text.replace("`", "'").replace("$.", "").replace("#", "")
