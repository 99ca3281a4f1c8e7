"""The messages of the protocol as a Relax NG schema (spec section 8.4), for whoever writes another client.

It is made of the values in `messages`, against which both sides check what they read; so the two cannot differ.
"""

from collections.abc import Iterator
from typing import Final, get_args

import msgspec
from lxml import etree
from msgspec import inspect

from pilothouse.headless.messages import CHILDREN, TEXT, Message

_NS: Final = "http://relaxng.org/ns/structure/1.0"
_TYPES: Final = "http://www.w3.org/2001/XMLSchema-datatypes"
_MANY: Final = (inspect.VarTupleType, inspect.ListType)


def relax_ng() -> str:
    """Return the schema: one envelope, in it any message of either side."""
    grammar = etree.Element(f"{{{_NS}}}grammar", {"datatypeLibrary": _TYPES}, nsmap={None: _NS})  # type: ignore[dict-item]
    envelope = _put(_put(grammar, "start"), "element", name="phc")
    _value(_put(envelope, "attribute", name="v"), "1")
    for name, needed in (("n", True), ("re", False)):
        _put(_put(envelope if needed else _put(envelope, "optional"), "attribute", name=name), "data", type="integer")
    _others(envelope, ["v", "n", "re"])
    choice = _put(envelope, "choice")
    for kind in sorted(_flat(Message), key=_name):
        _put(choice, "ref", name=_name(kind))
    for kind in sorted(_all(), key=_name):
        _define(grammar, kind)
    etree.indent(grammar)
    return etree.tostring(grammar, encoding="unicode") + "\n"


def _all() -> set[type[msgspec.Struct]]:
    """Return the kinds of all elements, those inside of others too."""
    found: set[type[msgspec.Struct]] = set()
    left = list(_flat(Message))
    while left:
        kind = left.pop()
        if kind not in found:
            found.add(kind)
            for field in _fields(kind):
                left += _kinds_in(field.type)
    return found


def _define(grammar: etree._Element, kind: type[msgspec.Struct]) -> None:
    element = _put(_put(grammar, "define", name=_name(kind)), "element", name=_name(kind))
    fields = _fields(kind)
    plain = [field for field in fields if not field.encode_name.startswith("#")]
    for field in plain:
        _attribute(element if field.required else _put(element, "optional"), field)
    _others(element, [field.encode_name for field in plain])
    inside = [field for field in fields if field not in plain]
    for field in inside:
        _content(element, field)
    if not inside:
        _put(element, "empty")


def _content(element: etree._Element, field: inspect.Field) -> None:
    if field.encode_name == TEXT:
        _put(element, "text")
    elif field.encode_name == CHILDREN:
        choice = _put(_put(element, "oneOrMore" if field.required else "zeroOrMore"), "choice")
        for kind in _kinds_in(field.type):
            _put(choice, "ref", name=_name(kind))
    else:
        place = element if field.required else _put(element, "optional")
        if kinds := _kinds_in(field.type):
            _put(place, "ref", name=_name(kinds[0]))
        else:
            _put(_put(place, "element", name=field.encode_name.removeprefix("#")), "text")


def _attribute(place: etree._Element, field: inspect.Field) -> None:
    attribute = _put(place, "attribute", name=field.encode_name)
    choices = [each for each in _parts(field.type) if not isinstance(each, inspect.NoneType)]
    into = _put(attribute, "choice") if len(choices) > 1 else attribute
    for each in choices:
        _data(into, each)


def _data(place: etree._Element, kind: inspect.Type) -> None:
    match kind:
        case inspect.LiteralType(values=values):
            choice = _put(place, "choice")
            for value in values:
                _value(choice, str(value))
        case inspect.BoolType():
            choice = _put(place, "choice")
            _value(choice, "true")
            _value(choice, "false")
        case inspect.IntType(ge=least, le=most):
            _limits(_put(place, "data", type="integer"), minInclusive=least, maxInclusive=most)
        case inspect.FloatType():
            _put(place, "data", type="double")
        case inspect.StrType(min_length=least, max_length=most, pattern=pattern):
            # a pattern of XML Schema is always that of the whole text
            shape = pattern.removeprefix("^").removesuffix("$") if pattern else None
            _limits(_put(place, "data", type="string"), minLength=least, maxLength=most, pattern=shape)
        case _:
            _put(place, "text")


def _limits(data: etree._Element, **limits: object) -> None:
    for name, value in limits.items():
        if value is not None:
            _put(data, "param", name=name).text = str(value)


def _others(element: etree._Element, names: list[str]) -> None:
    """Allow attributes that nobody knows."""
    name = _put(_put(_put(element, "zeroOrMore"), "attribute"), "anyName")
    if names:
        known = _put(name, "except")
        for each in names:
            _put(known, "name").text = each


def _value(place: etree._Element, text: str) -> None:
    _put(place, "value", type="string").text = text


def _put(parent: etree._Element, tag: str, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{_NS}}}{tag}", attributes)


def _parts(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    return kind.types if isinstance(kind, inspect.UnionType) else (kind,)


def _kinds_in(kind: inspect.Type) -> list[type[msgspec.Struct]]:
    inner = kind.item_type if isinstance(kind, _MANY) else kind
    return [each.cls for each in _parts(inner) if isinstance(each, inspect.StructType)]


def _fields(kind: type[msgspec.Struct]) -> tuple[inspect.Field, ...]:
    found = inspect.type_info(kind)
    return found.fields if isinstance(found, inspect.StructType) else ()


def _flat(kinds: object) -> Iterator[type[msgspec.Struct]]:
    yield from get_args(kinds)


def _name(kind: type[msgspec.Struct]) -> str:
    return str(kind.__struct_config__.tag)
