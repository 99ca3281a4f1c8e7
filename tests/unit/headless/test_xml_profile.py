import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.headless.codes import ErrorCode, ProtocolError
from pilothouse.headless.xml_profile import (
    Element,
    carriable,
    from_base64,
    parse,
    text_of,
    to_base64,
    with_text,
    write,
)

_TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20).filter(carriable)
_NAME = st.sampled_from(["a", "py-code", "x1"])
_LEAF = st.builds(Element, _NAME, st.dictionaries(_NAME, _TEXT, max_size=3), st.just(()), _TEXT)
_TREE = st.builds(
    Element,
    _NAME,
    st.dictionaries(_NAME, _TEXT, max_size=3),
    st.lists(_LEAF, min_size=1, max_size=3).map(tuple),
    st.just(""),
)


@settings(deadline=None)
@given(_LEAF | _TREE)
def test_what_is_written_is_read_again(element: Element) -> None:
    assert parse(write(element)) == element


@settings(deadline=None)
@given(st.binary(max_size=100) | st.text(max_size=60).map(lambda text: b"<" + text.encode("utf-8", "replace")))
def test_any_bytes_give_an_element_or_a_protocol_error(payload: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        element = parse(payload)
        assert parse(write(element)) == element


@settings(deadline=None)
@given(st.binary(max_size=50))
def test_bytes_that_are_no_text_survive_base64(raw: bytes) -> None:
    text = raw.decode("utf-8", "surrogateescape")
    assert from_base64(to_base64(text)) == text


_LAUGHS = b'<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><a>&y;</a>'
_EXTERNAL = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (_LAUGHS, ErrorCode.PROTO_XML),
        (_EXTERNAL, ErrorCode.PROTO_XML),
        (b"<!DOCTYPE a><a/>", ErrorCode.PROTO_XML),
        (b"<a>&x;</a>", ErrorCode.PROTO_XML),
        (b"<a>" * 100_000, ErrorCode.PROTO_LIMIT),
        (b"<a " + b" ".join(b'n%d=""' % number for number in range(50_000)) + b"/>", ErrorCode.PROTO_LIMIT),
        (b"<a>" + b"<b/>" * 512 + b"</a>", ErrorCode.PROTO_LIMIT),
        (b'<a b="' + b"x" * 4097 + b'"/>', ErrorCode.PROTO_LIMIT),
        (b"<a><?pi x?></a>", ErrorCode.PROTO_XML),
        (b"<a><!-- c --></a>", ErrorCode.PROTO_XML),
        ('<?xml version="1.0" encoding="utf-16"?><a/>'.encode("utf-16"), ErrorCode.PROTO_XML),
        (b'<?xml version="1.0" encoding="latin-1"?><a>\xe4</a>', ErrorCode.PROTO_XML),
        (b'<?xml version="1.0" encoding="latin-1"?><a>e</a>', ErrorCode.PROTO_XML),
        (b'<?xml version="1.1"?><a>e</a>', ErrorCode.PROTO_XML),
        (b"<a>\xff</a>", ErrorCode.PROTO_XML),
        (b"<a>\0</a>", ErrorCode.PROTO_XML),
        (b"\xef\xbb\xbf<a/>", ErrorCode.PROTO_XML),
        (b" <a/>", ErrorCode.PROTO_XML),
        (b"", ErrorCode.PROTO_XML),
        (b"<a/><b/>", ErrorCode.PROTO_XML),
        (b'<x:a xmlns:x="y"/>', ErrorCode.PROTO_XML),
        (b'<a xmlns="y"/>', ErrorCode.PROTO_XML),
        (b"<a>text<b/></a>", ErrorCode.PROTO_XML),
    ],
)
def test_check_57_what_the_profile_forbids(payload: bytes, code: ErrorCode) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse(payload)
    assert caught.value.code is code


def test_declaration_cdata_and_numeric_entities_are_allowed() -> None:
    payload = b'<?xml version="1.0" encoding="UTF-8"?><a> <b>&#228;<![CDATA[<]]></b>\n</a>'
    assert parse(payload) == Element("a", {}, (Element("b", {}, (), "ä<"),))


def test_the_limits_themselves_pass() -> None:
    assert parse(b"<a>" * 8 + b"</a>" * 8)
    assert parse(b"<a>" + b"<b/>" * 511 + b"</a>")
    assert parse(b"<a " + b" ".join(b'n%d=""' % number for number in range(32)) + b"/>")
    assert parse(b'<a b="' + b"x" * 4096 + b'"/>')


@pytest.mark.parametrize("text", ["&" * 65536, "\n" * 65536, '"' * 65536, "\x01" * 65536, "ä" * 32768])
def test_a_text_stays_near_its_size_on_the_wire(text: str) -> None:
    payload = write(with_text("result", {}, text))
    assert len(payload) < 1.5 * len(text.encode()) + 100
    assert text_of(parse(payload)) == text
