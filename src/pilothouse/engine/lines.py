"""From bytes as they come to complete lines of text (spec section 5.4, D33)."""

import codecs
from typing import Final

_LONGEST: Final = 16 * 1024 * 1024


class LineReader:
    r"""Joins chunks into lines. Each line is decoded by itself: UTF-8, else the given character sets.

    ``charset`` is what the machine is known to speak: then it comes first, and UTF-8 after it.

    Carriage returns before line ends are dropped; bytes that fit no character set are shown as ``\xNN``.
    A line of over 16 MiB is cut.
    """

    def __init__(self, encodings: tuple[str, ...] = (), charset: str = "") -> None:
        self._encodings = (charset, "utf-8", *encodings) if charset else ("utf-8", *encodings)
        self._is_utf8 = not charset or codecs.lookup(charset).name == "utf-8"
        self._rest: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[str]:
        """Return the lines that the chunk completes."""
        end = chunk.rfind(b"\n")
        if end < 0:
            self._rest.append(chunk)
            self._size += len(chunk)
            return self.flush() if self._size > _LONGEST else []
        block = b"".join((*self._rest, chunk[:end]))
        tail = chunk[end + 1 :]
        self._rest = [tail] if tail else []
        self._size = len(tail)
        return self._lines(block)

    def flush(self) -> list[str]:
        """Return what is left as a last line without an end."""
        block = b"".join(self._rest)
        self._rest = []
        self._size = 0
        return self._lines(block) if block else []

    def _lines(self, block: bytes) -> list[str]:
        try:
            text = block.decode("utf-8" if self._is_utf8 else "ascii")
        except UnicodeDecodeError:
            return [self._decode(line.rstrip(b"\r")) for line in block.split(b"\n")]
        if "\r" in text:
            return [line.rstrip("\r") for line in text.split("\n")]
        return text.split("\n")

    def _decode(self, line: bytes) -> str:
        for encoding in self._encodings:
            try:
                return line.decode(encoding)
            except UnicodeError:
                continue
        return line.decode("utf-8", "backslashreplace")
