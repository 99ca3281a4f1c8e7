"""Marshalled XML to values (spec 1.2): tolerant of white space, foreign ids and old element names, of nothing else."""

from collections.abc import Callable
from typing import Final

from pilothouse.slap import markup
from pilothouse.slap.documents import KINDS, MODULE, Document, Value
from pilothouse.slap.markup import Limits

_DEFAULT: Final = Limits()


class _Element:
    """One open element: what it holds so far, and ``weight``, its size if every reference were written out."""

    __slots__ = ("attributes", "pieces", "tag", "values", "weight")

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.values: list[Value] = []
        self.pieces: list[str] = []
        self.weight = 1


def loads(document: bytes | str, limits: Limits = _DEFAULT) -> Value:
    """Return the value of a marshalled document; raises MarkupError with the place and the reason.

    Lists, dictionaries and sets that the document refers to twice are one object in the result.
    """
    reader = _Reader(limits.size)
    markup.parse(document, reader, limits)
    return reader.result


class _Reader:
    def __init__(self, heaviest: int) -> None:
        self.result: Value = None
        self._heaviest = heaviest
        self._open: list[_Element] = []
        self._known: dict[str, tuple[Value, int]] = {}

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if not self._open:
            if tag != "marshal":
                raise ValueError(f"the document is <{tag}>, not <marshal>")
        elif self._open[-1].tag in _TEXTS:
            raise ValueError(f"<{self._open[-1].tag}> holds text, not <{tag}>")
        elif tag not in _TEXTS and tag not in _CONTAINERS and tag != "reference":
            raise ValueError(f"<{tag}> is no value of marshalled XML")
        self._open.append(_Element(tag, attributes))

    def text(self, data: str) -> None:
        element = self._open[-1]
        if element.tag in _TEXTS:
            element.pieces.append(data)
        elif data.strip():
            raise ValueError(f"text within <{element.tag}>, where only values may stand: {data.strip()[:40]!r}")

    def end(self, tag: str) -> None:
        element = self._open.pop()
        if tag == "marshal":
            if len(element.values) != 1:
                raise ValueError(f"<marshal> holds {len(element.values)} values instead of one")
            self.result = element.values[0]
            return
        value = self._value(element)
        parent = self._open[-1]
        parent.values.append(value)
        parent.weight += element.weight
        if parent.weight > self._heaviest:
            # a document of a few lines can refer to itself until no memory could hold it written out
            raise ValueError(f"with its references written out the value is larger than {self._heaviest} bytes")

    def _value(self, element: _Element) -> Value:
        if read := _TEXTS.get(element.tag):
            text = "".join(element.pieces)
            element.weight += len(text)
            return read(text)
        if element.tag == "reference":
            return self._referred(element)
        value = _CONTAINERS[element.tag](element)
        if (name := element.attributes.get("id")) is not None:
            self._known[name] = (value, element.weight)
        return value

    def _referred(self, element: _Element) -> Value:
        name = element.attributes.get("id", "")
        if name not in self._known:
            raise ValueError(f"nothing that ended before has the id {name!r}")
        value, element.weight = self._known[name]
        return value


def _text(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") if "&" in text else text


def _none(text: str) -> None:
    if text.strip():
        raise ValueError(f"<none> holds {text.strip()[:40]!r}")


def _number(kind: Callable[[str], Value], tag: str) -> Callable[[str], Value]:
    def read(text: str) -> Value:
        try:
            return kind(text)
        except ValueError as error:
            raise ValueError(f"<{tag}> does not hold a number: {text.strip()[:40]!r}") from error

    return read


def _complex(text: str) -> complex:
    real, imaginary = text.split()
    return complex(float(real), float(imaginary))


_TEXTS: Final[dict[str, Callable[[str], Value]]] = {
    "string": _text,
    "unicode": _text,
    "int": _number(int, "int"),
    "long": _number(int, "long"),
    "float": _number(float, "float"),
    "bool": _number(lambda text: bool(int(text)), "bool"),
    "complex": _number(_complex, "complex"),
    "none": _none,
}


def _dictionary(element: _Element) -> Value:
    values = element.values
    if len(values) % 2:
        raise ValueError(f"<dictionary> holds {len(values)} values, so that a key has none")
    try:
        return dict(zip(values[::2], values[1::2], strict=True))
    except TypeError as error:
        raise ValueError(f"<dictionary> has a key that cannot be one: {error}") from error


def _set(element: _Element) -> Value:
    try:
        return set(element.values)
    except TypeError as error:
        raise ValueError(f"<set> holds a value that cannot be in one: {error}") from error


def _object(element: _Element) -> Document:
    name = (element.attributes.get("module"), element.attributes.get("class"))
    kind = KINDS.get(name[1] or "") if name[0] == MODULE else None
    if kind is None:
        raise ValueError(f"objects of {name[0]}.{name[1]} are not read; only {', '.join(KINDS)} of {MODULE}")
    match element.values:
        case [tuple() as arguments, dict() as attributes] if all(isinstance(key, str) for key in attributes):
            return kind(arguments, attributes)
    raise ValueError(f"<object> of {name[1]} must hold a tuple and a dictionary of named attributes")


_CONTAINERS: Final[dict[str, Callable[[_Element], Value]]] = {
    "tuple": lambda element: tuple(element.values),
    "list": lambda element: list(element.values),
    "dictionary": _dictionary,
    "set": _set,
    "object": _object,
}
