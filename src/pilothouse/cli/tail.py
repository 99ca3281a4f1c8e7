"""Log files read while they grow, and their last lines."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from pilothouse.cli.display.palette import clean

_BLOCK: Final = 1 << 16
_LONGEST: Final = 1 << 24


class Tail:
    """A file that grows. When another takes its place, it is read to its end first, then the other from its start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream: BinaryIO | None = None
        self._rest = b""

    def lines(self, *, final: bool = False) -> Iterator[bytes]:
        """Yield the complete lines written since the last call; with ``final`` also one that has no end.

        Raises OSError, except for a file that is not there yet.
        """
        while self._stream is not None or self._open():
            replaced = self._replaced()
            yield from self._written()
            if not replaced:
                break
            yield from self._flush()
            self.close()
        if final:
            yield from self._flush()

    def skip(self, last: int) -> None:
        """Go on with the ``last`` lines of what is there now."""
        if self._stream is not None or self._open():
            assert self._stream is not None  # noqa: S101 - just opened
            self._stream.seek(start_of_last(self._stream, last))

    def close(self) -> None:
        """Let go of the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _open(self) -> bool:
        try:
            self._stream = self._path.open("rb", buffering=0)
        except FileNotFoundError:
            return False
        return True

    def _replaced(self) -> bool:
        assert self._stream is not None  # noqa: S101 - the caller opened it
        held = os.fstat(self._stream.fileno())
        if held.st_size < self._stream.tell():
            self._stream.seek(0)
            self._rest = b""
        try:
            present = self._path.stat()
        except FileNotFoundError:
            return False
        return (present.st_ino, present.st_dev) != (held.st_ino, held.st_dev)

    def _written(self) -> Iterator[bytes]:
        assert self._stream is not None  # noqa: S101 - the caller opened it
        while block := self._stream.read(_BLOCK):
            *lines, self._rest = (self._rest + block).split(b"\n") if b"\n" in block else [self._rest + block]
            yield from lines
            if len(self._rest) > _LONGEST:
                yield from self._flush()

    def _flush(self) -> Iterator[bytes]:
        if self._rest:
            yield self._rest
            self._rest = b""


def tame(line: bytes) -> bytes:
    """Return a line that a terminal cannot take for a command; bytes that are no UTF-8 are spelt out."""
    return clean(line.decode("utf-8", "backslashreplace")).encode()


def start_of_last(stream: BinaryIO, lines: int) -> int:
    """Return where the last ``lines`` lines begin; only as much as they need is read."""
    end = position = stream.seek(0, os.SEEK_END)
    wanted = lines + 1
    while position > 0:
        start = max(0, position - _BLOCK)
        stream.seek(start)
        block = stream.read(position - start)
        if position == end and not block.endswith(b"\n"):
            wanted -= 1
        at = len(block)
        while wanted and (at := block.rfind(b"\n", 0, at)) >= 0:
            wanted -= 1
        if not wanted:
            return start + at + 1
        position = start
    return 0
