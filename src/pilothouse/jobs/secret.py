"""Texts that must never be shown by accident."""

import re
from typing import Final

MASK: Final = "******"
# The documented patterns (spec section 2.6), up to the next line end, real or written as two characters.
_ASSIGNMENT: Final = re.compile(
    r"((?:password|passwd|pwd)[ \t]*[=:][ \t]*|identified[ \t]+by[ \t]+)(?!\\n)[^\r\n]+?(?=\\n|[\r\n]|\Z)",
    re.IGNORECASE,
)


class Secret:
    """A secret text; only ``reveal`` gives it away, every other form shows asterisks."""

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself, for the one place that hands it to its user."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return MASK if self._text else "''"

    __str__ = __repr__


def mask_assignments(text: str) -> str:
    r"""Mask what follows ``password=``, ``pwd:`` or ``identified by`` up to the next ``\n`` (two characters or one)."""
    return _ASSIGNMENT.sub(lambda match: match[1] + MASK, text)
