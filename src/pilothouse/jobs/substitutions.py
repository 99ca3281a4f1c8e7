r"""Finding ``$(command)`` in a text, for the one place where commands in values are run (spec section 6.7)."""

import msgspec


class Command(msgspec.Struct, frozen=True):
    """What stands between ``$(`` and its ``)``."""

    text: str


def split_commands(text: str) -> list[str | Command]:
    """Return a text as plain parts and commands, in order; a ``$(`` that is never closed is plain text."""
    parts: list[str | Command] = []
    rest = 0
    start = text.find("$(")
    while start >= 0:
        end = _closing(text, start + 2)
        if end < 0:
            break
        parts += [text[rest:start], Command(text[start + 2 : end])]
        rest = end + 1
        start = text.find("$(", rest)
    return [part for part in (*parts, text[rest:]) if part != ""]


def _closing(text: str, start: int) -> int:
    """Return where the parenthesis opened before ``start`` is closed, quotes and backslashes heeded; -1 if nowhere."""
    depth, quote, place = 1, "", start
    while place < len(text):
        sign = text[place]
        if sign == "\\" and quote != "'":
            place += 1
        elif quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign in "()":
            depth += 1 if sign == "(" else -1
            if depth == 0:
                return place
        place += 1
    return -1
