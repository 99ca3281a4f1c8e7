"""Places in lists: what is handed out is taken back, and nothing else is."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.server.api.rest import cursors
from pilothouse.server.master.errors import InvalidRequestError
from pilothouse.store import changes
from pilothouse.store.changes import Cursor

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NUMBERS = st.integers(min_value=0, max_value=2**63 - 1)


@given(TEXTS, NUMBERS)
def test_what_is_handed_out_is_taken_back(text: str, number: int) -> None:
    written = cursors.written((text, number))
    assert written is not None
    assert cursors.read(written, str, int) == (text, number)


def test_the_ends_of_a_list() -> None:
    assert cursors.written(None) is None
    assert cursors.read("", str) is None


def forged(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "text",
    ["x", "é", "====", forged({}), forged([]), forged(["a", "b"]), forged([2**63]), forged(["\0"]), forged([1.5])],
)
def test_what_was_never_handed_out_is_refused(text: str) -> None:
    for kind in (str, int):
        with pytest.raises(InvalidRequestError, match="next"):
            cursors.read(text, kind)


@given(st.integers(0, 10**18 - 1), st.integers(0, 10**18 - 1))
def test_places_in_the_order_of_changes(xid: int, position: int) -> None:
    assert changes.cursor(str(Cursor(xid, position))) == Cursor(xid, position)


@given(TEXTS)
def test_any_other_text_is_no_place(text: str) -> None:
    found = changes.cursor(text)
    assert found is None or all(part.isdigit() for part in text.split("-"))
