"""Reports of consumption, read strictly and written so that masters accept them (node spec, section 16)."""

import pytest

from pilothouse.node import usage
from pilothouse.slap import tio

GOOD = (
    "<movement><resource>a&lt;b</resource><quantity>1.5</quantity><price>0</price>"
    "<VAT/><category>c</category></movement>"
)


def test_what_was_read_is_accepted_as_a_journal() -> None:
    (movement,) = usage.consumption(f"<consumption>{GOOD}</consumption>".encode())
    text = usage.journal("COMP&1", "2026-11-22 at 10:00:00", [("slappart0", movement)])
    (transaction,) = tio.loads(text)
    assert transaction.reference == "COMP&1"
    assert transaction.movements[0].resource == "a<b"
    assert transaction.movements[0].reference == "slappart0"
    assert transaction.movements[0].categories == ("c",)


@pytest.mark.parametrize(
    "document",
    [
        "", "<consumption/>", "<journal/>", "<consumption><movement/></consumption>",
        f"<consumption>{GOOD.replace('1.5', 'many')}</consumption>",
        f"<consumption>{GOOD.replace('<VAT/>', '')}</consumption>",
        f'<!DOCTYPE a [<!ENTITY b "c">]><consumption>{GOOD}</consumption>',
    ],
)  # fmt: skip
def test_anything_else_is_refused(document: str) -> None:
    with pytest.raises(usage.ReportError):
        usage.consumption(document.encode())
