"""Reports of what was used: those of partitions read, the node's own journal written (node spec, section 16). Pure."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

import msgspec

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_ORDER: Final = re.compile(r"resource( title)?( reference)? quantity price VAT( category)*")


class Movement(msgspec.Struct, frozen=True):
    """So much of something was used, by whom."""

    resource: str
    title: str
    reference: str
    quantity: str
    price: str
    vat: str
    categories: tuple[str, ...] = ()


class ReportError(ValueError):
    """A document is no report of consumption."""


def consumption(document: bytes) -> tuple[Movement, ...]:
    """Return what a partition reports. Raises ReportError."""
    from defusedxml.ElementTree import ParseError, fromstring  # noqa: PLC0415 - most passes have nothing to read

    try:
        root: Element = fromstring(document, forbid_dtd=True)
    except (ParseError, ValueError) as error:
        raise ReportError(str(error)) from error
    if root.tag != "consumption" or not len(root):
        raise ReportError("the document is no <consumption> with movements")
    return tuple(_movement(element) for element in root)


def _movement(element: "Element") -> Movement:
    if element.tag != "movement" or not _ORDER.fullmatch(" ".join(child.tag for child in element)):
        raise ReportError(f"<{element.tag}> is not made of resource, title, reference, quantity, price, VAT, category")
    texts = {child.tag: (child.text or "").strip() for child in element}
    for name in ("quantity", "price"):
        try:
            float(texts[name])
        except ValueError:
            raise ReportError(f"<{name}> does not hold a number: {texts[name][:40]!r}") from None
    categories = tuple((child.text or "").strip() for child in element if child.tag == "category")
    return Movement(
        texts["resource"],
        texts.get("title", ""),
        texts.get("reference", ""),
        texts["quantity"],
        texts["price"],
        texts["VAT"],
        categories,
    )


def journal(computer: str, stop: str, used: Iterable[tuple[str, Movement]]) -> str:
    """Return the journal of what partitions used, each movement under the name of its partition."""
    movements = "".join(_written(name, movement) for name, movement in used)
    return (
        "<?xml version='1.0' encoding='utf-8'?>\n<journal><transaction type=\"Sale Packing List\">"
        f"<title>Resource consumptions</title><start_date/><stop_date>{escape(stop)}</stop_date>"
        f"<reference>{escape(computer)}</reference><currency/><payment_mode/><category/>"
        f'<arrow type="Administration"><source/><destination/></arrow>{movements}</transaction></journal>'
    )


def _written(partition: str, movement: Movement) -> str:
    categories = "".join(f"<category>{escape(text)}</category>" for text in movement.categories)
    return (
        f"<movement><resource>{escape(movement.resource)}</resource><title>{escape(movement.title)}</title>"
        f"<reference>{escape(partition)}</reference><quantity>{escape(movement.quantity)}</quantity>"
        f"<price>{escape(movement.price)}</price><VAT>{escape(movement.vat)}</VAT>{categories}</movement>"
    )
