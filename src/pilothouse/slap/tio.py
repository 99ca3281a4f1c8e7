"""Consumption reports (TIO): read against their schemas, with the line and the reason of every fault (spec 11).

A document is looked through first: one with a DTD, too large or too deep goes no further. Then libxml2 validates it,
which reads no other file and asks no network.
"""

import math
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, Literal

from pilothouse.services.usage import Movement, Transaction, said
from pilothouse.slap import markup
from pilothouse.slap.markup import Limits, MarkupError

if TYPE_CHECKING:
    from lxml import etree

__all__ = ["LIMITS", "Movement", "Transaction", "loads", "loads_partition"]

LIMITS: Final = Limits(size=16 * 1024 * 1024, depth=8)
"""More than a report of a large node has; it is four elements deep."""

_Schema = Literal["computer_consumption", "partition_consumption"]
_GREATEST: Final = 1e15  # of a quantity or a price; up to there binary fractions keep cents
_SHOWN: Final = 200  # characters of a fault: the parser repeats the text that it refuses


def loads(document: bytes | str, limits: Limits = LIMITS) -> tuple[Transaction, ...]:
    """Return what a node's journal reports (11.1). Raises MarkupError with the line and the reason."""
    root = _valid(document, "computer_consumption", limits)
    return tuple(_transaction(each) for each in root.iterchildren("transaction"))


def loads_partition(document: bytes | str, limits: Limits = LIMITS) -> tuple[Movement, ...]:
    """Return what one partition reports (11.2). Raises MarkupError with the line and the reason."""
    root = _valid(document, "partition_consumption", limits)
    return tuple(_movement(each) for each in root.iterchildren("movement"))


def _valid(document: bytes | str, name: _Schema, limits: Limits) -> "etree._Element":
    from lxml import etree  # noqa: PLC0415  most commands read no report

    # a declared encoding says how it was stored, and a text is decoded already
    content = document.encode("utf-8", "surrogatepass") if isinstance(document, str) else document
    markup.parse(document, _Silent(), limits)
    encoding = "utf-8" if isinstance(document, str) else None
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True,
        encoding=encoding,
    )  # fmt: skip
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise MarkupError(str(error.msg), line or 1, column or 1) from error
    schema = _schema(name)
    if not schema.validate(root):
        log: Any = schema.error_log  # what its stubs know of it is nothing
        fault = log[0]
        raise MarkupError(_shown(fault.message), fault.line, fault.column)
    return root


@cache
def _schema(name: _Schema) -> "etree.XMLSchema":
    from lxml import etree  # noqa: PLC0415

    text = resources.files("pilothouse.slap.schemas").joinpath(f"{name}.xsd").read_bytes()
    return etree.XMLSchema(etree.fromstring(text))


def _transaction(element: "etree._Element") -> Transaction:
    return Transaction(
        type=str(element.get("type")),
        title=said(element.findtext("title")),
        start=said(element.findtext("start_date")),
        stop=said(element.findtext("stop_date")),
        reference=said(element.findtext("reference")),
        currency=said(element.findtext("currency")),
        payment_mode=said(element.findtext("payment_mode")),
        categories=_categories(element),
        movements=tuple(_movement(each) for each in element.iterchildren("movement")),
    )


def _movement(element: "etree._Element") -> Movement:
    return Movement(
        resource=(element.findtext("resource") or "").strip(),
        title=said(element.findtext("title")),
        reference=said(element.findtext("reference")),
        quantity=_number(element, "quantity"),
        price=_number(element, "price"),
        vat=said(element.findtext("VAT")),
        categories=_categories(element),
    )


def _number(element: "etree._Element", name: str) -> float:
    """Return a number that can be added up: the schema lets anything pass, INF and NaN too."""
    found: Any = element.find(name)
    number = float(found.text)
    if not (math.isfinite(number) and abs(number) <= _GREATEST):
        raise MarkupError(f"Element '{name}': {found.text.strip()[:40]!r} cannot be added up", found.sourceline, 0)
    return number


def _categories(element: "etree._Element") -> tuple[str, ...]:
    found = (said(each.text) for each in element.iterchildren("category"))
    return tuple(each for each in found if each)


def _shown(message: str) -> str:
    return message if len(message) <= _SHOWN else f"{message[:_SHOWN]} ..."


class _Silent:
    """Looks at a document without keeping anything of it."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take the begin of an element."""

    def end(self, tag: str) -> None:
        """Take the end of an element."""

    def text(self, data: str) -> None:
        """Take text within an element."""
