import pytest

from pilothouse.slap import tio
from pilothouse.slap.markup import MarkupError

JOURNAL = """<?xml version="1.0"?><journal><transaction type="Sale Packing List"><title>Resource consumptions</title><start_date></start_date><stop_date>2026-11-22 at 08:15:43</stop_date><reference>COMP-1</reference><currency></currency><payment_mode></payment_mode><category></category><arrow type="Administration"><source></source><destination></destination></arrow><movement><resource>CPU Consumption</resource><title>Title</title><reference>slappart0</reference><quantity>42.5</quantity><price>0.00</price><VAT>None</VAT><category>None</category></movement></transaction></journal>"""  # noqa: E501


def test_what_a_node_uploads_is_read() -> None:  # 11.3
    [transaction] = tio.loads(JOURNAL)
    assert (transaction.type, transaction.reference) == ("Sale Packing List", "COMP-1")
    assert (transaction.start, transaction.stop) == ("", "2026-11-22 at 08:15:43")
    [movement] = transaction.movements
    assert (movement.resource, movement.reference, movement.quantity, movement.price) == (
        "CPU Consumption",
        "slappart0",
        42.5,
        0.0,
    )
    assert movement.categories == ("None",)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (' type="Sale Packing List"', "", "<transaction> has no type"),
        ("<start_date></start_date>", "", "<transaction> has <stop_date> where <start_date> must be"),
        ("<reference>COMP-1</reference>", "<reference>a</reference><reference>b</reference>", "<reference>"),
        ("<quantity>42.5</quantity>", "<quantity>much</quantity>", "<quantity> does not hold a number: 'much'"),
        ("<VAT>None</VAT>", "", "<movement> has <category> where <VAT> must be"),
        ("<VAT>None</VAT><category>None</category>", "", "<movement> ends without <VAT>"),
        ("<source></source>", "<strange/>", "<arrow> has <strange>, which may not be there"),
        ("<resource>CPU", "<resource><b/>CPU", "<resource> has <b>, which may not be there"),
        ("</transaction></journal>", "text</transaction></journal>", "text within <transaction>: 'text'"),
        ("</transaction></journal>", "</transaction>", "no element found"),
        ("CPU Consumption", "CPU & more", "not well-formed"),
        ('<?xml version="1.0"?>', '<!DOCTYPE journal [<!ENTITY a "b">]>', "DTD"),
    ],
)
def test_whatever_does_not_fit_is_refused_with_its_place(before: str, after: str, reason: str) -> None:  # X19
    assert before in JOURNAL
    with pytest.raises(MarkupError, match="line 1, column") as refused:
        tio.loads(
            JOURNAL.replace(before, after).replace("</journal>", "</diary>" if "diary" in after else "</journal>")
        )
    assert reason in str(refused.value)


def test_a_journal_without_transactions_is_refused() -> None:
    with pytest.raises(MarkupError, match="<journal> ends without <transaction>"):
        tio.loads("<journal/>")
    with pytest.raises(MarkupError, match="the document is <diary>"):
        tio.loads("<diary/>")
