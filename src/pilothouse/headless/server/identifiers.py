"""Ids of sessions: ULIDs, which sort by the time they were made (headless 9)."""

import os
from typing import Final

_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH: Final = 26
_BITS: Final = 5


def ulid(now: float) -> str:
    """Return a new id."""
    number = (int(now * 1000) << 80) | int.from_bytes(os.urandom(10), "big")
    return "".join(_LETTERS[(number >> (_BITS * place)) & 31] for place in reversed(range(_LENGTH)))


def is_sid(text: str) -> bool:
    """Whether a text can be a session's id; nothing else is made part of a path."""
    return len(text) == _LENGTH and all(letter in _LETTERS for letter in text)
