from types import UnionType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.headless.codes import ErrorCode, ProtocolError, ReturnCode, return_code
from pilothouse.headless.envelope import Envelope, decode, encode, start_body
from pilothouse.headless.messages import (
    Accepted,
    Challenge,
    ClientMessage,
    Greet,
    Hello,
    JobStatus,
    Kdf,
    List,
    Log,
    Login,
    Message,
    Module,
    Param,
    PyCode,
    PyFile,
    Refused,
    Result,
    ServerMessage,
    SessionEnd,
    Sessions,
    Start,
    Status,
)
from pilothouse.headless.numbering import Numbering

SID = "01JD0000000000000000000000"
NOW = "2025-11-22T01:15:00.000Z"
JOBS = (Module("009DLK", (Param("year", "2025"),)), PyFile("jobs:night/close.py"), PyCode('print("ä <€>")\n'))


@pytest.mark.parametrize(
    ("message", "side"),
    [
        (Hello("1", "planta_headless.py", "39 Mars"), ClientMessage),
        (Greet("1", "6f0c", "plan1", "challenge osuser", "SCRAM-SHA-256", "", 1048576, NOW), ServerMessage),
        (Login("challenge", "SCRAM-SHA-256", "R41", purpose="enrol", scram="n,,n=R41,r=x"), ClientMessage),
        (Challenge(Kdf("bcrypt", "$2b$10$abcdefghijklmnopqrstuu", "none"), "r=x,s=y,i=4096"), ServerMessage),
        (Start("7c1e", JOBS, "-1", "all", "continue", "cron@host7"), ClientMessage),
        (Start("7c1e", (PyCode("a\x00b\udcff"),)), ClientMessage),
        (Accepted(SID, "queued", NOW, 1, replay=True), ServerMessage),
        (Refused(400, "BUSY", "held", holder=SID, job=1, retry_after=60), ServerMessage),
        (Log(SID, 7, NOW, 1, "stdout", "one \x1b[1mbold\x1b[0m", cont=True), ServerMessage),
        (Result(SID, 8, NOW, 1, "json", text='{"a":1}'), ServerMessage),
        (Result(SID, 8, NOW, 1, "b64", text="AAE="), ServerMessage),
        (SessionEnd(SID, 9, NOW, "failed", 2, 1, 1, 0, 8.9), ServerMessage),
        (List("running", mine=False, limit=5), ClientMessage),
        (
            Sessions(
                (
                    Status(SID, "ok", NOW, 9, jobs=(JobStatus(1, "module", "OK1", "ok", 0),)),
                    Status(SID, "lost", NOW, 1),
                )
            ),
            ServerMessage,
        ),
    ],
)
def test_a_message_comes_back_as_it_was(message: Message, side: UnionType) -> None:
    envelope = Envelope(4, message, 3)
    assert decode(encode(envelope), side) == envelope


def test_the_wire_looks_like_the_specification() -> None:
    payload = encode(Envelope(1, Hello("1", "planta_headless.py", "39 Mars")))
    assert payload == b'<phc v="1" n="1"><hello versions="1" client="planta_headless.py" product="39 Mars"/></phc>'
    start = encode(Envelope(4, Start("7c1e", (Module("009DLK", (Param("year", "2025"),)), PyFile("a.py")), wait="0")))
    assert b'request="7c1e" wait="0"><module id="009DLK"><param name="year">2025</param></module>' in start
    assert b'<py-file path="a.py"/></start>' in start


@settings(deadline=None)
@given(st.text(min_size=1, max_size=40), st.text(max_size=20))
def test_any_snippet_and_parameter_comes_back(code: str, value: str) -> None:
    message = Start("r", (PyCode(code), Module("OK1", (Param("x", value),))))
    assert decode(encode(Envelope(1, message)), ClientMessage).message == message


_NAMES = st.sampled_from(["hello", "start", "login", "module", "py-code", "attach", "scram", "kdf", "nope", "list"])
_ATTRIBUTES = st.dictionaries(
    st.sampled_from(["session", "from", "n", "v", "type", "enc", "limit", "text", "request"]),
    st.sampled_from(["1", "-1", "b64", "ä", "", "challenge", "null", "1e9", "9" * 30]),
    max_size=4,
)


def _xml(name: str, attributes: dict[str, str], body: str) -> str:
    return f"<{name} " + " ".join(f'{key}="{value}"' for key, value in attributes.items()) + f">{body}</{name}>"


_BODY = st.builds(_xml, _NAMES, _ATTRIBUTES, st.sampled_from(["", "x", "eA=="]))


@settings(deadline=None)
@given(st.builds(_xml, _NAMES, _ATTRIBUTES, _BODY | st.just("text")), st.sampled_from(["1", "2", "x"]))
def test_any_xml_gives_a_message_or_a_protocol_error(body: str, number: str) -> None:
    for side in (ClientMessage, ServerMessage):
        try:
            envelope = decode(f'<phc v="1" n="{number}">{body}</phc>'.encode(), side)
        except ProtocolError:
            continue
        assert decode(encode(envelope), side) == envelope


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ('<phc v="2" n="1"><bye/></phc>', ErrorCode.PROTO_VERSION),
        ('<phc v="1"><bye/></phc>', ErrorCode.PROTO_XML),
        ('<phc v="1" n="-1"><bye/></phc>', ErrorCode.PROTO_XML),
        ('<phc v="1" n="1"><bye/><bye/></phc>', ErrorCode.PROTO_XML),
        ('<phc v="1" n="1"/>', ErrorCode.PROTO_XML),
        ('<other v="1" n="1"><bye/></other>', ErrorCode.PROTO_XML),
        ('<phc v="1" n="1"><nonsense/></phc>', ErrorCode.PROTO_STATE),
        ('<phc v="1" n="1"><welcome user="R41" os-account="x"/></phc>', ErrorCode.PROTO_STATE),
        ('<phc v="1" n="1"><attach session="x" from="0"/></phc>', ErrorCode.PROTO_XML),
        ('<phc v="1" n="1"><start request="r"/></phc>', ErrorCode.BAD_JOB),
        ('<phc v="1" n="1"><start request="r"><module id="a b"/></start></phc>', ErrorCode.BAD_JOB),
        ('<phc v="1" n="1"><start request="r"><format/></start></phc>', ErrorCode.BAD_JOB),
        ('<phc v="1" n="1"><start request="r" wait="soon"><module id="a"/></start></phc>', ErrorCode.BAD_JOB),
        ('<phc v="1" n="1"><start request="r"><py-code enc="b64">%</py-code></start></phc>', ErrorCode.PROTO_XML),
    ],
)
def test_what_is_out_of_order_gets_its_code(payload: str, code: ErrorCode) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(payload.encode(), ClientMessage)
    assert caught.value.code is code


def test_attributes_nobody_knows_are_ignored() -> None:
    payload = b'<phc v="1" n="1" x="y"><hello versions="1" text="no" zone="CET"/></phc>'
    assert decode(payload, ClientMessage).message == Hello("1")


def test_numbers_have_no_gaps_and_answers_answer_something() -> None:
    numbers = Numbering()
    numbers.check(1, None)
    with pytest.raises(ProtocolError, match="after message 1"):
        numbers.check(3, None)
    with pytest.raises(ProtocolError, match="answers message 1"):
        numbers.check(2, 1)
    assert numbers.next() == 1
    numbers.check(2, 1)


def test_a_repeated_start_is_known_by_its_body() -> None:
    assert start_body(Start("a", JOBS)) == start_body(Start("b", JOBS))
    assert start_body(Start("a", JOBS)) != start_body(Start("a", JOBS, wait="5"))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (200, 1),
        (203, 1),
        (300, 2),
        (301, 2),
        (302, 2),
        (303, 2),
        (304, 1),
        (400, 4),
        (401, 1),
        (500, 1),
        (900, 1),
        (42, 1),
    ],
)
def test_return_codes_of_refusals(code: int, expected: int) -> None:
    assert return_code(code) is ReturnCode(expected)


@pytest.mark.parametrize("field", ["user", "cred", "os-user", "os-host"])
def test_names_of_a_login_are_short_for_the_audit_log_keeps_them(field: str) -> None:
    text = f'<phc v="1" n="1"><login type="osuser" mech="PEER" {field}="{{}}"/></phc>'
    decode(text.format("x" * 255).encode(), ClientMessage)
    with pytest.raises(ProtocolError):
        decode(text.format("x" * 256).encode(), ClientMessage)
