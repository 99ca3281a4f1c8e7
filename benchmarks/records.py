"""One measurement as a value, and its file of JSON lines."""

from pathlib import Path
from typing import Literal

import msgspec

Status = Literal["ok", "failed", "skipped"]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of one peer cost, or why there are no figures.

    ``user`` and ``system`` are CPU seconds of the client's whole process tree, ``wall`` seconds, ``peak_mib`` the
    sampled peak of the tree's memory. ``calibration_ms`` is what a fixed piece of Python took around the run:
    higher than in other records means that neighbours slowed this processor down.
    """

    scenario: str
    nodes: int
    run: int
    peer: str
    status: Status
    reason: str = ""
    user: float = 0.0
    system: float = 0.0
    wall: float = 0.0
    peak_mib: float = 0.0
    good_nodes: int = 0
    concurrency: int = 0
    calibration_ms: float = 0.0
    started: str = ""

    @property
    def cpu(self) -> float:
        """CPU seconds, user and system."""
        return self.user + self.system


def append(path: Path, record: Record) -> None:
    """Add the record to the file at once, so that a broken-off run keeps what it has measured."""
    with path.open("ab") as stream:
        stream.write(msgspec.json.encode(record) + b"\n")


def read(path: Path) -> tuple[Record, ...]:
    """Return the records of the file."""
    return tuple(msgspec.json.decode(line, type=Record) for line in path.read_bytes().splitlines())
