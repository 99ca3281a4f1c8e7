"""Tokens: random texts that prove who calls; only their digests are kept (slapos-master 5.4).

A token is ``ph<kind's letter>_`` and 43 characters of 256 random bits, so a plain SHA-256 keeps it safe at rest: there
is nothing to guess from.
"""

import hashlib
import hmac
import secrets
from typing import Final, Literal

import msgspec

from pilothouse.jobs.secret import Secret

TokenKind = Literal["access", "node", "client"]
"""``access`` logs in until it ends; ``node`` registers a node and ``client`` configures a client, each once."""

DAY: Final = 86400.0
ONCE: Final[frozenset[TokenKind]] = frozenset({"node", "client"})
_LETTERS: Final[dict[TokenKind, str]] = {"access": "a", "node": "n", "client": "c"}
_BYTES: Final = 32
_LONGEST: Final = 200  # what is longer was never a token of ours, and need not be hashed


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token as it is kept: ``digest`` instead of its text, times in seconds since the epoch.

    It acts in one ``project``; ``subject`` says what it is for, to whoever reads the list.
    """

    token_id: int = 0
    kind: TokenKind
    user: str
    digest: str
    created: float
    project: str = ""
    subject: str = ""
    expires: float | None = None
    used: float | None = None
    revoked: float | None = None


def make(kind: TokenKind) -> Secret:
    """Return a new token; it is shown once and never again."""
    return Secret(f"ph{_LETTERS[kind]}_{secrets.token_urlsafe(_BYTES)}")


def digest(text: str) -> str:
    """Return what is kept of a token, in hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def kind_of(text: str) -> TokenKind | None:
    """Return the kind that a token's first letters name, None for what is none of ours."""
    if len(text) > _LONGEST:
        return None
    return next((kind for kind, letter in _LETTERS.items() if text.startswith(f"ph{letter}_")), None)


def expiry(kind: TokenKind, now: float, days: float | None) -> float | None:
    """Return when a token made now ends: those that are valid once after one day, others when asked for."""
    if kind in ONCE:
        return now + DAY
    return None if days is None else now + days * DAY


def fault(token: Token, text: str, kind: TokenKind, now: float) -> str | None:
    """Return why a token does not count, None when it does."""
    if not hmac.compare_digest(token.digest, digest(text)):
        return "unknown"
    if token.kind != kind:
        return "of another kind"
    if token.revoked is not None:
        return "revoked"
    if token.expires is not None and now >= token.expires:
        return "expired"
    if kind in ONCE and token.used is not None:
        return "used already"
    return None
