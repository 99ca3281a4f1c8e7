"""The Relax NG schema takes what is written, and little else (headless 8.4)."""

import pytest
from lxml import etree
from tests.fuzz.headless_bytes import samples

from pilothouse.headless.schema import relax_ng

SCHEMA = etree.RelaxNG(etree.fromstring(relax_ng()))


def is_valid(document: bytes) -> bool:
    return bool(SCHEMA.validate(etree.fromstring(document)))


def test_whatever_is_written_is_valid() -> None:
    for frame in samples():
        assert is_valid(frame[8:]), (frame[8:], SCHEMA.error_log)


@pytest.mark.parametrize(
    ("document", "valid"),
    [
        ('<phc v="1" n="1"><ping id="1" later="x"/></phc>', True),
        ('<phc v="1" n="2" re="1"><welcome user="R41" os-account="b"><scram>v=x</scram></welcome></phc>', True),
        ('<phc v="1" n="1"><start request="a"><py-code enc="b64">MQ==</py-code></start></phc>', True),
        ('<phc v="1" n="1"><start request="a" wait="soon"><module id="A"/></start></phc>', False),
        ('<phc v="1" n="1"><start request="a"><module id="a b"/></start></phc>', False),
        ('<phc v="1" n="1"><start request="a"/></phc>', False),
        ('<phc v="1" n="1"><list limit="201"/></phc>', False),
        ('<phc v="1" n="1"><cancel session="S" mode="soft"/></phc>', False),
        ('<phc v="1" n="1"><ping/></phc>', False),
        ('<phc v="1" n="one"><ping id="1"/></phc>', False),
        ('<phc v="2" n="1"><ping id="1"/></phc>', False),
        ('<phc v="1" n="1"><ping id="1"/><ping id="2"/></phc>', False),
        ('<phc v="1" n="1"><unknown/></phc>', False),
    ],
)
def test_what_is_valid(document: str, valid: bool) -> None:
    assert is_valid(document.encode()) is valid
