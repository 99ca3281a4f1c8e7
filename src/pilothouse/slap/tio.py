"""Consumption reports (TIO): the journal of a node, read against its schema (spec 11.1).

The schema is a table here: reading by it names the line and the reason of every fault, and needs no second parser.
"""

from typing import Final

import msgspec

from pilothouse.slap import markup
from pilothouse.slap.markup import Limits

_Model = tuple[tuple[str, int, bool], ...]
"""The children of an element in order: name, fewest, and whether there may be more than one."""

_CHILDREN: Final[dict[str, _Model]] = {
    "journal": (("transaction", 1, True),),
    "transaction": (
        ("title", 0, False),
        ("start_date", 1, False),
        ("stop_date", 1, False),
        ("reference", 1, False),
        ("currency", 1, False),
        ("payment_mode", 1, False),
        ("category", 0, True),
        ("arrow", 1, True),
        ("movement", 1, True),
    ),
    "arrow": (("source", 0, False), ("destination", 0, False)),
    "movement": (
        ("resource", 1, False),
        ("title", 0, False),
        ("reference", 0, False),
        ("quantity", 1, False),
        ("price", 1, False),
        ("VAT", 1, False),
        ("category", 0, True),
    ),
}
_TYPED: Final = frozenset({"transaction", "arrow"})
_NUMBERS: Final = frozenset({"quantity", "price"})
_DEFAULT: Final = Limits(size=16 * 1024 * 1024, depth=8)


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """So much of a resource was used by what ``reference`` names."""

    resource: str
    quantity: float
    price: float
    vat: str
    title: str = ""
    reference: str = ""
    categories: tuple[str, ...] = ()


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """What was used between two moments, as texts of the reporter's choice."""

    type: str
    start: str
    stop: str
    reference: str
    movements: tuple[Movement, ...]
    title: str = ""


def loads(document: bytes | str, limits: Limits = _DEFAULT) -> tuple[Transaction, ...]:
    """Return what a journal reports. Raises MarkupError with the line and the reason."""
    # a declared encoding says how it was stored, and a text is decoded already
    reader = _Reader()
    markup.parse(document, reader, limits)
    return tuple(reader.transactions)


class _Open:
    """An element that has begun: where it is in its model, and what it holds."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.type = attributes.get("type", "")
        self.model = _CHILDREN.get(tag)
        self.position = 0
        self.count = 0
        self.pieces: list[str] = []
        self.texts: dict[str, str] = {}
        self.categories: list[str] = []
        self.movements: list[Movement] = []

    def accept(self, tag: str) -> None:
        for number in range(self.position, len(self.model or ())):
            name, fewest, several = (self.model or ())[number]
            seen = self.count if number == self.position else 0
            if name == tag and (several or not seen):
                self.position, self.count = number, seen + 1
                return
            if seen < fewest:
                raise ValueError(f"<{self.tag}> has <{tag}> where <{name}> must be")
        raise ValueError(f"<{self.tag}> has <{tag}>, which may not be there")

    def finish(self) -> None:
        for number in range(self.position, len(self.model or ())):
            name, fewest, _ = (self.model or ())[number]
            if (self.count if number == self.position else 0) < fewest:
                raise ValueError(f"<{self.tag}> ends without <{name}>")


class _Reader:
    def __init__(self) -> None:
        self.transactions: list[Transaction] = []
        self._open: list[_Open] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._open:
            self._open[-1].accept(tag)
        elif tag != "journal":
            raise ValueError(f"the document is <{tag}>, not <journal>")
        if tag in _TYPED and not attributes.get("type"):
            raise ValueError(f"<{tag}> has no type")
        self._open.append(_Open(tag, attributes))

    def text(self, data: str) -> None:
        element = self._open[-1]
        if element.model is None:
            element.pieces.append(data)
        elif data.strip():
            raise ValueError(f"text within <{element.tag}>: {data.strip()[:40]!r}")

    def end(self, tag: str) -> None:
        element = self._open.pop()
        element.finish()
        if tag == "journal":
            return
        parent = self._open[-1]
        if tag == "movement":
            parent.movements.append(_movement(element))
        elif tag == "transaction":
            self.transactions.append(_transaction(element))
        elif tag == "category":
            parent.categories.append("".join(element.pieces))
        elif element.model is None:
            parent.texts[tag] = _leaf(tag, "".join(element.pieces))


def _leaf(tag: str, text: str) -> str:
    if tag in _NUMBERS:
        try:
            float(text)
        except ValueError as error:
            raise ValueError(f"<{tag}> does not hold a number: {text.strip()[:40]!r}") from error
    return text


def _movement(element: _Open) -> Movement:
    texts = element.texts
    return Movement(
        resource=texts["resource"],
        quantity=float(texts["quantity"]),
        price=float(texts["price"]),
        vat=texts["VAT"],
        title=texts.get("title", ""),
        reference=texts.get("reference", ""),
        categories=tuple(element.categories),
    )


def _transaction(element: _Open) -> Transaction:
    texts = element.texts
    return Transaction(
        type=element.type,
        start=texts["start_date"],
        stop=texts["stop_date"],
        reference=texts["reference"],
        movements=tuple(element.movements),
        title=texts.get("title", ""),
    )
