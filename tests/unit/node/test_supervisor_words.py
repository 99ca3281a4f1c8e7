"""Words for supervisord, against the library for XML-RPC."""

import xmlrpc.client

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.node import supervisor_words
from pilothouse.slap.markup import ILLEGAL, MarkupError

TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r"), max_size=20).filter(
    lambda text: not ILLEGAL.search(text)
)
LEAVES = TEXTS | st.booleans() | st.integers(-(2**31), 2**31 - 1)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=10
)


@given(TEXTS, st.lists(LEAVES, max_size=4))
def test_calls_are_understood(method: str, arguments: list[str | int | bool]) -> None:
    found, called = xmlrpc.client.loads(supervisor_words.call(method, tuple(arguments)))
    assert (list(found), called or "") == (arguments, method)


@given(VALUES)
def test_answers_are_read(value: object) -> None:
    document = xmlrpc.client.dumps((value,), methodresponse=True)  # type: ignore[arg-type]
    assert supervisor_words.answer(document.encode()) == value


def test_a_value_without_a_kind_is_a_string() -> None:
    text = "<methodResponse><params><param><value>a &lt; b</value></param></params></methodResponse>"
    assert supervisor_words.answer(text.encode()) == "a < b"


def test_refusals_are_raised_with_their_number() -> None:
    document = xmlrpc.client.dumps(xmlrpc.client.Fault(10, "BAD_NAME: a"))
    with pytest.raises(supervisor_words.FaultError, match="BAD_NAME: a") as caught:
        supervisor_words.answer(document.encode())
    assert caught.value.code == 10


@pytest.mark.parametrize(
    "document",
    [
        "", "no", "<methodResponse/>", "<methodResponse><params/></methodResponse>",
        "<methodResponse><params><param><value><int>x</int></value></param></params></methodResponse>",
        "<methodResponse><struct><member><value>a</value></member></struct></methodResponse>",
    ],
)  # fmt: skip
def test_what_is_no_answer_is_refused(document: str) -> None:
    with pytest.raises(MarkupError):
        supervisor_words.answer(document.encode())
