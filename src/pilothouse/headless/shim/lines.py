"""Output in lines: cut where they are too long, never inside a character."""

from typing import Final, NamedTuple

_CONTINUATION: Final = 0xC0
_CONTINUED: Final = 0x80
_LONGEST: Final = 4  # bytes of a character


class Line(NamedTuple):
    """One line, or the part of one that goes on in the next (``cont``)."""

    text: str
    cont: bool


class Lines:
    """The lines of one stream."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = b""

    def feed(self, data: bytes) -> list[Line]:
        """Return the lines that are complete, and parts of one that is too long."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        found = [line for each in whole for line in self._cut(each)]
        if len(self._rest) > self._limit:
            *parts, last = self._parts(self._rest)
            found += [Line(_text(part), True) for part in parts]
            self._rest = last
        return found

    def end(self) -> list[Line]:
        """Return what is left."""
        rest, self._rest = self._rest, b""
        return self._cut(rest) if rest else []

    def _cut(self, line: bytes) -> list[Line]:
        *parts, last = self._parts(line.removesuffix(b"\r"))
        return [*(Line(_text(part), True) for part in parts), Line(_text(last), False)]

    def _parts(self, line: bytes) -> list[bytes]:
        parts = []
        while len(line) > self._limit:
            at = self._limit
            while at > self._limit - _LONGEST and line[at] & _CONTINUATION == _CONTINUED:
                at -= 1
            parts.append(line[:at])
            line = line[at:]
        return [*parts, line]


def _text(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace")
