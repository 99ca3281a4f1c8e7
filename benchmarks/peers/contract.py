"""What a peer is: something that does a scenario on the hosts, and can tell whether it did."""

from pathlib import Path
from typing import Protocol

import msgspec

from benchmarks.measure import Order
from benchmarks.scenarios import Scenario
from benchmarks.targets import Targets


class Task(msgspec.Struct, frozen=True):
    """One piece of work for a peer; ``folder`` is fresh and its own, ``limit`` is in seconds."""

    scenario: Scenario
    targets: Targets
    hosts: tuple[str, ...]
    concurrency: int
    folder: Path
    limit: float

    def file(self, name: str, content: str) -> Path:
        """Write a file into the task's folder and return its path."""
        path = self.folder / name
        path.write_text(content)
        return path


class UnpreparedError(Exception):
    """A peer cannot be installed here; the text says why."""


class Peer(Protocol):
    """One contender.

    ``about`` names it in the results, with its pinned versions. ``most_hosts`` is the number of hosts above which
    it is left out unless asked for, because it would take too long.
    """

    name: str
    about: str
    most_hosts: int | None

    def prepare(self) -> None:
        """Install what is missing; raises UnpreparedError."""

    def order(self, task: Task) -> Order:
        """Write the files the peer needs and return its command."""

    def succeeded(self, task: Task, order: Order) -> int:
        """Return on how many hosts everything was right, from what the peer has written."""


def base_environ(task: Task) -> dict[str, str]:
    """Return a small environment without the caller's settings, agents and keys."""
    user = task.targets.user
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(task.folder),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "USER": user,
        "LOGNAME": user,
    }
