"""No registered secret leaves, in whatever pieces the text comes."""

import base64
import json
import shlex
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.jobs.secret import MASK, Secret, mask_assignments
from pilothouse.secrets.mask import SHORTEST, Masker

# Few letters, so that secrets overlap and repeat; no asterisk, which the mask itself could complete.
LETTERS = "aab'\"\\/ %ö+\n"
SECRETS = st.lists(st.text(LETTERS, min_size=SHORTEST, max_size=8), min_size=1, max_size=4)


@st.composite
def leaking_texts(draw: st.DrawFn) -> tuple[list[str], str]:
    secrets = draw(SECRETS)
    piece = st.one_of(st.sampled_from(secrets), st.text(LETTERS, max_size=6))
    return secrets, "".join(draw(st.lists(piece, max_size=8)))


@given(leaking_texts())
def test_no_secret_is_left_in_a_whole_text(case: tuple[list[str], str]) -> None:
    secrets, text = case
    shown = Masker(map(Secret, secrets)).mask(text)
    assert [secret for secret in secrets if secret in shown] == []


@given(leaking_texts(), st.data())
def test_pieces_give_what_the_whole_gives(case: tuple[list[str], str], data: st.DataObject) -> None:
    secrets, text = case
    masker = Masker(map(Secret, secrets))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    stream = masker.stream()
    borders = zip([0, *cuts], [*cuts, len(text)], strict=True)
    shown = "".join([stream.feed(text[start:end]) for start, end in borders])
    shown += stream.flush()
    assert shown == masker.mask(text)


@given(st.text(min_size=SHORTEST).filter(lambda text: "*" not in text), st.text(max_size=5), st.text(max_size=5))
def test_disguises_are_masked_too(secret: str, before: str, after: str) -> None:
    masker = Masker([Secret(secret)])
    content = secret.encode()
    forms = [
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        secret.replace("'", "'\\''"),
        shlex.quote(secret).strip("'"),
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        base64.b64encode(content).decode(),
        base64.urlsafe_b64encode(content).decode(),
    ]
    for form in forms:
        if len(form) >= SHORTEST:
            assert form not in masker.mask(f"<{form}>")
            assert MASK in masker.mask(f"<{form}>")


@pytest.mark.parametrize("user", ["a", "ab", "abc", "abcd"])
def test_a_basic_authorization_header_does_not_give_the_password_away(user: str) -> None:
    header = base64.b64encode(f"{user}:correct horse battery".encode()).decode()
    shown = Masker([Secret("correct horse battery")]).mask(f"Authorization: Basic {header}")
    assert MASK in shown
    left = shown.rsplit(" ", 1)[1].split(MASK)
    assert sum(map(len, left)) <= len(user) * 4 // 3 + 6


def test_overlapping_secrets_are_covered_as_one() -> None:
    masker = Masker([Secret("abcdef"), Secret("defghi"), Secret("abcd")])
    assert masker.mask("-abcdefghi-") == f"-{MASK}-"
    assert masker.mask("-abcdX-") == f"-{MASK}X-"


def test_very_short_secrets_and_asterisks_are_left_alone() -> None:
    masker = Masker()
    assert not masker.add("abc")
    assert not masker.add("****")
    assert not masker.add("")
    assert masker.mask("abc ****") == "abc ****"
    assert masker.add("abcd")


def test_only_the_possible_beginning_of_a_secret_is_held_back() -> None:
    stream = Masker([Secret("secret!")]).stream()
    assert stream.feed("no ") == "no "
    assert stream.feed("sense, sec") == "sense, "
    assert stream.feed("ond; secre") == "second; "
    assert stream.feed("t!.") == f"{MASK}."
    assert stream.feed("secre") == ""
    assert stream.flush() == "secre"


def test_a_long_run_of_overlapping_secrets_is_not_hoarded() -> None:
    stream = Masker([Secret("aaaa")]).stream()
    shown = "".join(stream.feed("a" * 7) for _ in range(1000))
    assert shown == MASK
    assert len(stream._held) < 4


def test_the_lines_of_a_private_key_are_masked_one_by_one() -> None:
    masker = Masker([Secret("-----BEGIN KEY-----\nAAAAB3NzaC1yc2E\nshort\n-----END KEY-----\n")])
    assert masker.mask("got AAAAB3NzaC1yc2E") == f"got {MASK}"
    assert masker.mask("short") == "short"


def test_a_secret_added_later_is_masked_from_then_on() -> None:
    masker = Masker()
    stream = masker.stream()
    assert stream.feed("late-secret ") == "late-secret "
    masker.add(Secret("late-secret"))
    assert stream.feed("late-secret ") == f"{MASK} "


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r"user=a\npassword=geheim\nhost=b", rf"user=a\npassword={MASK}\nhost=b"),
        ("Pwd: geheim\nnext", f"Pwd: {MASK}\nnext"),
        (r'create user x identified by "geheim";\ngo', rf"create user x identified by {MASK}\ngo"),
        ("password=a b c", f"password={MASK}"),
        ("password=\nnothing", "password=\nnothing"),
        (r"password=\nnothing", r"password=\nnothing"),
        ("no assignment of a password here", "no assignment of a password here"),
    ],
)
def test_assignments_in_long_texts_are_masked(text: str, shown: str) -> None:
    assert mask_assignments(text) == shown
