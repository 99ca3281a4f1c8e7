"""The tables of ``slapos proxy show``, to the character."""

from pilothouse.cli.slapos.proxy_show import table
from pilothouse.store.slapproxy import Rows

RULE = "-" * 106
SAMPLE = [
    "table software18",
    RULE,
    "                 url                  computer_reference requested_state               md5                ",
    RULE,
    " https://example.com/kvm/software.cfg   local_computer      available    aa8cd05a186cae2514b6e8585b9ed08c ",
    RULE,
]


def test_the_documented_sample() -> None:
    columns = ("url", "computer_reference", "requested_state", "md5")
    row = ("https://example.com/kvm/software.cfg", "local_computer", "available", "aa8cd05a186cae2514b6e8585b9ed08c")
    assert table("software", Rows(columns, [row])).splitlines() == SAMPLE


def test_nothing_and_no_rows() -> None:
    assert table("slave", Rows(("a",), [])) == "table slave18: empty"
    assert table("slave", Rows(("a", "b"), [(None, 1.5)]), "c, d").splitlines() == [
        "table slave18: skipping c, d",
        "-------",
        " a  b  ",
        "-------",
        " - 1.5 ",
        "-------",
    ]
