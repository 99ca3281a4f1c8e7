"""What the master's stream says: bytes to events, events to passes."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.node.daemon.hints import LONGEST, Event, Hint, Reader, StreamError, hint

STREAM = (
    b"retry: 2000\r\nevent: hello\r\nid: 0-41\r\ndata: {}\r\n\r\n: still here\r\n\r\n"
    b"event: node\nid: 0-42\ndata: {\ndata: }\n\nid: 0-43\n\nevent:supply\ndata:x\n\n"
)
EVENTS = [Event("hello", "{}", "0-41"), Event("node", "{\n}", "0-42"), Event("supply", "x", "0-43")]


@given(st.lists(st.integers(1, len(STREAM)), max_size=20))
def test_however_the_bytes_are_cut(cuts: list[int]) -> None:
    reader, found, places = Reader(), [], sorted({0, *cuts, len(STREAM)})
    for start, end in itertools.pairwise(places):
        found += reader.feed(STREAM[start:end])
    assert found == EVENTS


@given(st.binary(max_size=300))
def test_no_bytes_do_harm(content: bytes) -> None:
    for event in Reader("0-1").feed(content + b"\n\n"):
        assert event.id.isascii()
        assert hint(event, "COMP-1") in (Hint(), *(Hint(frozenset({one})) for one in ("instance", "software")))


def test_an_event_without_end_is_no_event() -> None:
    many = Reader()
    many.feed(b"data: x\n" * (LONGEST // 7))
    with pytest.raises(StreamError):
        many.feed(b"data: x\n")
    with pytest.raises(StreamError):
        Reader().feed(b"x" * (LONGEST + 1))


def about(kind: str, **more: object) -> Event:
    said = {"kind": kind, "subject": "s", "computer": "COMP-1", "state": "", "reported": "", "gone": False}
    return Event(kind, json.dumps({**said, **more}), "0-1")


@pytest.mark.parametrize(
    ("event", "names", "echo"),
    [
        (about("node", revision=7), {"instance"}, False),
        (about("supply", state="available"), {"software"}, False),
        (about("supply", state="available", reported="building"), set(), False),
        (about("supply", state="available", reported="available"), {"instance"}, False),
        (about("supply", state="available", reported="error"), {"software"}, True),
        (about("supply", state="destroyed", reported="available"), {"software"}, False),
        (about("supply", state="destroyed", gone=True), set(), False),
        (about("instance", state="started"), set(), False),
        (about("instance", state="destroyed"), {"instance", "report"}, False),
        (about("instance", state="destroyed", gone=True), set(), False),
        (about("node", computer="COMP-2"), set(), False),
        (about("hello"), set(), False),
        (Event("node", "[]", ""), set(), False),
        (Event("node", "{", ""), set(), False),
    ],
)
def test_which_passes_an_event_calls_for(event: Event, names: set[str], echo: bool) -> None:
    assert hint(event, "COMP-1") == Hint(frozenset(names), echo)
