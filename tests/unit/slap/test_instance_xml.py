"""Instance XML, byte for byte as the original was seen to write it (spec 1.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.slap import instance_xml
from pilothouse.slap.markup import ILLEGAL, MarkupError
from pilothouse.slap.marshal_writer import MarshalError

HEAD = "<?xml version='1.0' encoding='utf-8'?>\n"


@pytest.mark.parametrize(
    ("parameters", "body"),
    [
        ({}, "<instance/>\n"),
        ({"a": "1"}, '<instance>\n  <parameter id="a">1</parameter>\n</instance>\n'),
        ({"a": ""}, '<instance>\n  <parameter id="a"></parameter>\n</instance>\n'),
        (
            {"a\"<&>\n\t\r'": "b\"<&>\n\t\r'"},
            (
                '<instance>\n  <parameter id="a&quot;&lt;&amp;&gt;&#10;&#9;&#13;\'">'
                "b\"&lt;&amp;&gt;\n\t&#13;'</parameter>\n</instance>\n"
            ),
        ),
        ({"é": "😀\x7f\x85\u2028"}, '<instance>\n  <parameter id="é">😀\x7f\x85\u2028</parameter>\n</instance>\n'),
        (
            {"e": b"\xc3\xa9", "d": {"a": 1}, "c": [1, 2], "b": True, "a": None},
            (
                '<instance>\n  <parameter id="a">None</parameter>\n  <parameter id="b">True</parameter>\n'
                '  <parameter id="c">[1, 2]</parameter>\n  <parameter id="d">{\'a\': 1}</parameter>\n'
                '  <parameter id="e">é</parameter>\n</instance>\n'
            ),
        ),
    ],
    ids=["nothing", "one", "empty", "markup", "unicode", "kinds"],
)
def test_parameters_are_written_as_the_original_was_seen_to_write_them(
    parameters: dict[str, object], body: str
) -> None:
    document = instance_xml.dumps(parameters)
    assert document == HEAD + body
    read = instance_xml.loads(document)
    assert read == instance_xml.loads(document.encode())
    assert read.keys() == parameters.keys()


@pytest.mark.parametrize(
    ("document", "parameters"),
    [
        ("", {}),
        (None, {}),
        ('<instance><parameter id="a">1</parameter><parameter id="a">2</parameter></instance>', {"a": "1 2"}),
        ('<instance><parameter id="a"/><parameter id="a">2</parameter></instance>', {"a": "2"}),
        ('<instance><parameter id="a">2</parameter><parameter id="a"/></instance>', {"a": "2"}),
        ('<instance><x><parameter id="a">1</parameter></x></instance>', {}),
        ('<instance>text<parameter id="a"> 1 </parameter>tail<x id="b">3</x></instance>', {"a": " 1 "}),
        ('<instance><parameter id="a"></parameter></instance>', {"a": None}),
    ],
)
def test_documents_of_others_are_read(document: str | None, parameters: dict[str, str | None]) -> None:
    assert instance_xml.loads(document) == parameters


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("<instance>\n  <parameter>1</parameter></instance>", r"line 2, column 3: <parameter> has no id"),
        ('<instance>\n  <parameter id="a">', r"line 2, column 21: no element found"),
        ('<!DOCTYPE i [<!ENTITY a "b">]><instance><parameter id="a">&a;</parameter></instance>', r"DTD"),
        ("junk", r"line 1, column 1: syntax error"),
    ],
)
def test_faults_are_told_with_their_place(document: str, reason: str) -> None:
    with pytest.raises(MarkupError, match=reason):
        instance_xml.loads(document)


@pytest.mark.parametrize("parameters", [{"a": "\x01"}, {"\x01": "a"}, {"a": b"\xff"}, {1: "a"}])
def test_what_has_no_form_is_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(MarshalError):
        instance_xml.dumps(parameters)


texts = st.text().filter(lambda text: not ILLEGAL.search(text))


@given(st.dictionaries(texts, texts))
def test_texts_come_back_exactly_and_empty_ones_as_none(parameters: dict[str, str]) -> None:
    assert instance_xml.loads(instance_xml.dumps(parameters)) == {
        key: value or None for key, value in parameters.items()
    }
