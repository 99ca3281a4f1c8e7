"""The listener's protocol and its one decision (node spec, section 15)."""

import io

import pytest

from pilothouse.node import watchdog


@pytest.mark.parametrize(
    ("last", "banged", "due"),
    [
        ("5", None, True),
        (None, None, True),
        (None, "5", False),
        ("5", "5", False),
        ("6", "5", True),
        ("1795332396.92", "1795332396.91", True),
        ("1795332396.91", "1795332396.91", False),
        ("10", "9.5", True),
        ("1", "0", True),
    ],
)
def test_a_bang_is_due_once_for_each_deployment(last: str | None, banged: str | None, due: bool) -> None:
    assert watchdog.is_due(last, banged) is due


def test_events_that_concern_nobody_are_answered() -> None:
    payload = b"processname:a groupname:slappart0 from_state:RUNNING expected:0 pid:1"
    header = b"ver:3.0 server:supervisor serial:1 pool:watchdog poolserial:1 eventname:PROCESS_STATE_EXITED len:%d\n"
    sink = io.BytesIO()
    watch = watchdog.Watch("http://127.0.0.1:1/", "C", None, None)
    watchdog.listen(watch, io.BytesIO(header % len(payload) + payload), sink)
    assert sink.getvalue() == b"READY\nRESULT 2\nOKREADY\n"


def test_an_event_that_cannot_be_told_comes_again() -> None:
    payload = b"processname:a-on-watch groupname:slappart0 from_state:RUNNING"
    sink = io.BytesIO()
    watch = watchdog.Watch("http://127.0.0.1:1/", "C", None, None)
    source = io.BytesIO(b"eventname:PROCESS_STATE_FATAL len:%d\n" % len(payload) + payload)
    watchdog.listen(watch, source, sink)
    assert sink.getvalue() == b"READY\nRESULT 4\nFAILREADY\n"
