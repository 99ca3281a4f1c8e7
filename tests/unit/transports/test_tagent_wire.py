"""The Tagent protocol byte for byte, against captured exchanges (spec section 7.3; checks 78, 79)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.errors import AuthenticationError
from pilothouse.transports import tagent_wire
from pilothouse.transports.tagent_wire import Cipher, Framing, Greeting, Request, WireError

CREDENTIAL = b"tagentpass"
GREETING = b"Linux|UTF-8|4ce849fe5540436b06bb1ebcb8ebab8634965b24b25d|Tagent1.1"
ANSWER = b"4ee543fb515a40680abf02a1bee5a78034965e20b3"
REQUEST = b"root|execmd|UTF-8|6563686f2068693b206563686f20657272203e26323b20657869742034||7b2241223a202262227d|3630"


def test_the_captured_greeting_is_answered_as_captured() -> None:
    framing = Framing()
    [payload] = framing.feed(b"\x00\x42" + GREETING)
    greeting = tagent_wire.decode_greeting(payload)
    assert greeting == Greeting("Linux", "UTF-8", "4ce849fe5540436b06bb1ebcb8ebab8634965b24b25d", "Tagent1.1")
    assert not greeting.encrypted
    assert Cipher(CREDENTIAL).apply(bytes.fromhex(greeting.challenge)) == b"39971,35840,1795333623"
    answer = tagent_wire.answer(Cipher(CREDENTIAL), greeting.challenge)
    assert framing.chunk(answer) == b"\x00\x2a" + ANSWER
    assert tagent_wire.opened_answer(Cipher(CREDENTIAL), ANSWER) == b"1432560640,1795333623"
    assert framing.chunk(tagent_wire.SUCCEEDED) == b"\x00\x0cauth succeed"
    assert greeting.encode() == GREETING


def test_the_captured_request_is_read_and_written() -> None:
    request = Request("root", "execmd", ("echo hi; echo err >&2; exit 4", "", '{"A": "b"}', "60"))
    assert Framing().chunk(request.encode()) == b"\x00\x67" + REQUEST
    assert tagent_wire.decode_request(REQUEST) == request


def test_the_captured_reply_is_read_with_its_code() -> None:
    framing = Framing()
    sent = b"\x00\x03hi\n\x00\x04err\n\x00\x004"
    assert [payload for byte in sent for payload in framing.feed(bytes([byte]))] == [b"hi\n", b"err\n"]
    assert framing.ended
    assert tagent_wire.exit_code(framing.text) == 4
    writer = Framing()
    assert writer.chunk(b"hi\n") + writer.chunk(b"err\n") + writer.end("4") == sent
    assert writer.end() == b"\x00\x00"


def test_flags_that_are_sent_as_digits_are_understood() -> None:
    captured = b"root|upload|UTF-8|66696c65|2f746d70|24544d50444952|1"
    assert tagent_wire.decode_request(captured).fields == ("file", "/tmp", "$TMPDIR", "1")


def test_the_credential_of_a_daemon_file_is_opened() -> None:
    assert tagent_wire.open_credential("{ENCRYPTED}1fe71348548298f68847") == "tagentpass"
    assert tagent_wire.seal_credential("tagentpass") == "{ENCRYPTED}1fe71348548298f68847"
    assert tagent_wire.open_credential("plain") == "plain"
    with pytest.raises(WireError):
        tagent_wire.open_credential("{ENCRYPTED}xyz")


def test_another_credential_is_noticed() -> None:
    with pytest.raises(AuthenticationError):
        tagent_wire.answer(Cipher(b"another"), "4ce849fe5540436b06bb1ebcb8ebab8634965b24b25d")
    assert tagent_wire.opened_answer(Cipher(CREDENTIAL), b"no hex") == b""


@pytest.mark.parametrize(
    ("text", "code"), [("", 0), ("4", 4), ("exec failed: 137\n", 137), ("-1", -1), ("killed after its limit", None)]
)
def test_the_code_is_found_behind_any_prefix(text: str, code: int | None) -> None:
    """D37."""
    assert tagent_wire.exit_code(text) == code


@pytest.mark.parametrize("payload", [b"", b"SSH-2.0-x", b"a|b|c|Tagent9", b"a|b|c|d|Tagent1.1"])
def test_what_is_no_greeting_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError, match="Tagent"):
        tagent_wire.decode_greeting(payload)


@pytest.mark.parametrize("payload", [b"root|echo|UTF-8", b"root|echo|UTF-8|xy", b"root|echo|no-such|6161"])
def test_what_is_no_request_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError):
        tagent_wire.decode_request(payload)


@given(st.lists(st.binary(min_size=1, max_size=400), max_size=8), st.text(max_size=40), st.integers(1, 50))
def test_any_stream_survives_any_cut_encrypted(payloads: list[bytes], error: str, step: int) -> None:
    sender, receiver = Framing(Cipher(CREDENTIAL)), Framing(Cipher(CREDENTIAL))
    stream = b"".join([*map(sender.chunk, payloads), sender.end(error)])
    found = [payload for at in range(0, len(stream), step) for payload in receiver.feed(stream[at : at + step])]
    assert (found, receiver.text, receiver.ended) == (payloads, error, True)


def test_encryption_starts_anew_for_each_chunk_and_leaves_lengths_clear() -> None:
    framing = Framing(Cipher(CREDENTIAL))
    first, second = framing.chunk(b"same"), framing.chunk(b"same")
    assert first == second == b"\x00\x04" + Cipher(CREDENTIAL).apply(b"same")
    assert framing.end("same") == b"\x00\x00" + Cipher(CREDENTIAL).apply(b"same")


@given(st.binary(max_size=100_000))
def test_long_content_is_cut_into_chunks_that_readers_take(content: bytes) -> None:
    framing = Framing()
    assert b"".join(framing.feed(Framing().chunks(content))) == content
