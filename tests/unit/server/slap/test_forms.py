from urllib.parse import urlencode

import pytest

from pilothouse.server.api.slap import forms
from pilothouse.server.master.errors import InvalidRequestError
from pilothouse.slap import marshal_writer


def form(**fields: object) -> forms.Form:
    return forms.parse(urlencode(fields).encode())


def marshal(value: object) -> str:
    return marshal_writer.dumps(value).decode()


def test_texts_arrive_as_they_were_sent() -> None:
    assert form(a="é <&> +%", b="").fields == {"a": "é <&> +%", "b": ""}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"a=1&a=2", "a is given twice"),
        (b"strange=1", "'strange' is unknown here; allowed: a, b"),
        (b"a=%ff", "not UTF-8"),
        (b"\xff=1", "not UTF-8"),
        (b"&".join(b"f%d=1" % number for number in range(101)), "more than 100 fields"),
    ],
)
def test_broken_forms_are_refused_with_the_place(content: bytes, text: str) -> None:
    with pytest.raises(InvalidRequestError, match=text):
        forms.parse(content, frozenset({"a", "b"}))


def test_a_missing_field_is_named() -> None:
    with pytest.raises(InvalidRequestError, match="the field url is missing"):
        form(a="1").named("url")
    with pytest.raises(InvalidRequestError, match="the field url is empty"):
        form(url="").named("url")


@pytest.mark.parametrize("state", ["started", "stopped", "destroyed", None])
def test_states_of_instances_are_marshalled(state: str | None) -> None:
    assert form(state=marshal(state)).instance_state("state") == state


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (marshal("sleeping"), "str 'sleeping'; allowed: started, stopped, destroyed, none"),
        (marshal({}), "dict"),
        (marshal(1), "int"),
        ("<marshal><string>started", "line 1, column 25"),
        ("started", "line 1, column 1"),
        ("", "line 1"),
    ],
)
def test_other_states_are_refused(value: str, text: str) -> None:  # X13, X14
    with pytest.raises(InvalidRequestError, match=text):
        form(state=value).instance_state("state")


def test_optional_values_have_defaults() -> None:  # X06
    nothing = form()
    assert nothing.flag("shared_xml") is False
    assert nothing.texts("partition_parameter_xml") == {}
    assert form(filter_xml="None").texts("filter_xml") == {}


def test_values_become_texts() -> None:  # 1.3
    values = {"int": 3, "none": None, "true": True, "float": 1.5, "list": [1, "a"], "text": "a&b <c>"}
    assert form(xml=marshal(values)).texts("xml") == {
        "int": "3",
        "none": "None",
        "true": "True",
        "float": "1.5",
        "list": "[1, 'a']",
        "text": "a&b <c>",
    }


def test_what_other_writers_send_is_read() -> None:  # W06
    sent = """<marshal> <dictionary id="x">
        <unicode>a</unicode> <long>5</long>
        <string>b</string> <list id="l"/>
        <string>c</string> <reference id="l"/>
    </dictionary> </marshal>"""
    assert form(xml=sent).texts("xml") == {"a": "5", "b": "[]", "c": "[]"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([], "holds list"),
        ("text", "holds str 'text'; allowed: dictionary"),
        ({1: "a"}, "has the key int '1'; allowed: texts"),
    ],
)
def test_parameters_must_be_a_dictionary_of_texts(value: object, text: str) -> None:
    with pytest.raises(InvalidRequestError, match=text):
        form(xml=marshal(value)).texts("xml")


def test_characters_that_xml_cannot_hold_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="parameters: 'a' holds the character"):
        forms.as_texts({"a": "b\x00c"}, "parameters")


def test_dtds_are_never_read() -> None:
    bomb = '<!DOCTYPE m [<!ENTITY a "aaaa">]><marshal><dictionary id="i2"/></marshal>'
    with pytest.raises(InvalidRequestError, match="DTD"):
        form(xml=bomb).dictionary("xml")
