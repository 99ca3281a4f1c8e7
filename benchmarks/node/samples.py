"""What was measured, kept as it comes, so that a run that was broken off goes on where it was."""

from collections.abc import Iterator
from pathlib import Path

import msgspec


class Sample(msgspec.Struct, frozen=True):
    """One run of a case by one peer; times are in seconds, ``load`` is the load average when it began."""

    case: str
    peer: str
    run: int
    cpu: float
    wall: float
    load: float


class Samples:
    """The samples of one run of the benchmark, on the disk."""

    def __init__(self, path: Path, *, fresh: bool) -> None:
        self._path = path
        if fresh:
            path.unlink(missing_ok=True)
        self.all = list(_read(path))

    def has(self, case: str, peer: str, run: int) -> bool:
        """Whether this was measured already."""
        return any((one.case, one.peer, one.run) == (case, peer, run) for one in self.all)

    def add(self, sample: Sample) -> None:
        """Keep a sample."""
        self.all.append(sample)
        with self._path.open("ab") as stream:
            stream.write(msgspec.json.encode(sample) + b"\n")


def _read(path: Path) -> Iterator[Sample]:
    if path.exists():
        for line in path.read_bytes().splitlines():
            yield msgspec.json.decode(line, type=Sample)
