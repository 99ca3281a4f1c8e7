"""Consumption reports: what is read, and what is refused with its line (X19, slapos-master 11)."""

import pytest

from pilothouse.services.usage import Movement
from pilothouse.slap import tio
from pilothouse.slap.markup import Limits, MarkupError

MOVEMENT = (
    "<movement><resource>CPU Consumption</resource><title>Title</title><reference>slappart0</reference>"
    "<quantity>42.5</quantity><price>0.00</price><VAT>None</VAT><category>None</category></movement>"
)
JOURNAL = (
    '<?xml version="1.0"?><journal><transaction type="Sale Packing List"><title>Resource consumptions</title>'
    "<start_date></start_date><stop_date>2026-11-22 at 08:15:43</stop_date><reference>COMP-1</reference>"
    "<currency></currency><payment_mode></payment_mode><category></category>"
    '<arrow type="Administration"><source></source><destination></destination></arrow>'
    f"{MOVEMENT}</transaction></journal>"
)
FULL = """\
<?xml version="1.0" encoding="utf-8"?>
<journal>
  <transaction type="Sale Packing List">
    <start_date>2026-10-01</start_date>
    <stop_date>2026-11-01T00:00:00Z</stop_date>
    <reference>2026-10</reference>
    <currency>EUR</currency>
    <payment_mode/>
    <arrow type="Destination"/>
    <arrow type="Source"><source>a</source></arrow>
    <movement>
      <resource> Größe &amp; Zahl </resource>
      <quantity> 1e3 </quantity>
      <price>0.5</price>
      <VAT>20%</VAT>
      <category>one</category>
      <category>two</category>
    </movement>
  </transaction>
</journal>
"""


def test_what_an_original_node_uploads() -> None:
    [transaction] = tio.loads(JOURNAL)
    assert (transaction.type, transaction.start, transaction.stop) == (
        "Sale Packing List",
        "",
        "2026-11-22 at 08:15:43",
    )
    assert transaction.movements == (
        Movement(resource="CPU Consumption", title="Title", reference="slappart0", quantity=42.5, price=0.0),
    )


@pytest.mark.parametrize("document", [FULL, FULL.encode(), FULL.replace("utf-8", "iso-8859-1").encode("iso-8859-1")])
def test_everything_that_may_be_said(document: str | bytes) -> None:
    [transaction] = tio.loads(document)
    assert transaction.currency == "EUR"
    [movement] = transaction.movements
    assert (movement.resource, movement.quantity, movement.price) == ("Größe & Zahl", 1000.0, 0.5)
    assert (movement.vat, movement.categories) == ("20%", ("one", "two"))


def test_what_a_partition_reports() -> None:
    assert tio.loads_partition(f"<consumption>{MOVEMENT}</consumption>") == tio.loads(JOURNAL)[0].movements
    with pytest.raises(MarkupError):
        tio.loads_partition(JOURNAL)


@pytest.mark.parametrize(
    ("found", "instead", "line", "reason"),
    [
        ("1e3", "many", 13, "'quantity': ' many ' is not a valid value"),
        (" 1e3 ", "INF", 13, "'INF' cannot be added up"),
        ("1e3", "1e16", 13, "'1e16' cannot be added up"),
        ("<VAT>20%</VAT>", "", 16, "Expected is ( VAT )"),
        ('<arrow type="Source">', "<arrow>", 10, "'type' is required"),
        ("<movement>", "<movement more='1'>", 11, "'more' is not allowed"),
        ("&amp;", "&", 12, "not well-formed"),
        ("&amp;", "&bomb;", 12, "undefined entity"),
        ("<journal>", "<!DOCTYPE journal [<!ENTITY bomb 'x'>]>\n<journal>", 2, "DTD"),
        ("<reference>2026-10</reference>", "<reference><a/></reference>", 6, "Element content is not allowed"),
        ("2026-10-01", "<a><a><a><a><a><a><a>", 4, "nested more than 8 deep"),
        ("</journal>\n", "", 20, "no element found"),
    ],
)
def test_faults_have_their_line_and_reason(found: str, instead: str, line: int, reason: str) -> None:
    assert found in FULL
    with pytest.raises(MarkupError) as refused:
        tio.loads(FULL.replace(found, instead))
    assert refused.value.line == line
    assert reason in refused.value.reason


def test_no_file_is_read_and_no_size_is_without_end() -> None:
    outside = FULL.replace("<journal>", '<journal xmlns:xi="http://www.w3.org/2001/XInclude">').replace(
        "<payment_mode/>", '<payment_mode><xi:include href="/etc/hostname" parse="text"/></payment_mode>'
    )
    with pytest.raises(MarkupError, match="Element content is not allowed"):
        tio.loads(outside)
    with pytest.raises(MarkupError, match="bytes are more than the 100"):
        tio.loads(FULL, Limits(size=100))


@pytest.mark.parametrize(
    "document", ["", "x", b"\xff\xfe", "<consumption/>", "\ud800", '<?xml version="1.0" encoding="no"?><a/>']
)
def test_what_is_no_report_at_all(document: str | bytes) -> None:
    with pytest.raises(MarkupError):
        tio.loads(document)
