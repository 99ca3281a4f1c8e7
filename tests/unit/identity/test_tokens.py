"""Tokens: made, kept, judged."""

import msgspec
import pytest

from pilothouse.identity import tokens
from pilothouse.identity.tokens import Token, TokenKind

NOW = 1_700_000_000.0


def kept(kind: TokenKind, text: str) -> Token:
    expires = tokens.expiry(kind, NOW, None)
    return Token(token_id=1, kind=kind, user="ann", digest=tokens.digest(text), created=NOW, expires=expires)


def test_what_is_kept_does_not_hold_the_token() -> None:
    text = tokens.make("access").reveal()
    assert text not in repr(kept("access", text))
    assert tokens.make("access").reveal() != text


@pytest.mark.parametrize("kind", ["access", "node", "client"])
def test_the_kind_stands_in_the_token(kind: TokenKind) -> None:
    text = tokens.make(kind).reveal()
    assert tokens.kind_of(text) == kind
    assert tokens.fault(kept(kind, text), text, kind, NOW) is None


@pytest.mark.parametrize("text", ["", "ph", "phx_abc", "Bearer pha_x", "pha_" + "x" * 1000])
def test_other_texts_are_no_tokens(text: str) -> None:
    assert tokens.kind_of(text) is None


def test_a_token_of_one_day_ends_after_one_day() -> None:
    text = tokens.make("node").reveal()
    token = kept("node", text)
    assert tokens.fault(token, text, "node", NOW + tokens.DAY - 1) is None
    assert tokens.fault(token, text, "node", NOW + tokens.DAY) == "expired"
    assert tokens.fault(token, text, "client", NOW) == "of another kind"


def test_only_tokens_of_one_day_are_used_up() -> None:
    node, access = tokens.make("node").reveal(), tokens.make("access").reveal()
    used = {"used": NOW + 1}
    assert tokens.fault(msgspec.structs.replace(kept("node", node), **used), node, "node", NOW + 2) == "used already"
    assert tokens.fault(msgspec.structs.replace(kept("access", access), **used), access, "access", NOW + 2) is None


def test_revoked_and_wrong_tokens_do_not_count() -> None:
    text = tokens.make("access").reveal()
    revoked = msgspec.structs.replace(kept("access", text), revoked=NOW)
    assert tokens.fault(revoked, text, "access", NOW) == "revoked"
    assert tokens.fault(kept("access", text), text + "x", "access", NOW) == "unknown"
    assert tokens.fault(kept("access", text), "\udcff", "access", NOW) == "unknown"


def test_access_ends_when_asked_for() -> None:
    assert tokens.expiry("access", NOW, None) is None
    assert tokens.expiry("access", NOW, 2) == NOW + 2 * tokens.DAY
    assert tokens.expiry("client", NOW, 90) == NOW + tokens.DAY
