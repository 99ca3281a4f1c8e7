"""What is done on every host, and in which order the measurements are taken."""

from collections.abc import Iterator
from typing import Final

import msgspec

_SCRIPT_SIZE: Final = 10 * 1024
_PADDING: Final = b"# " + b"." * 77 + b"\n"

MARK: Final = "of the captured output of a ten kilobyte script"
LINES: Final = 100
_LOOP: Final = f'i=1\nwhile [ $i -le {LINES} ]; do\n  echo "line $i {MARK}"\n  i=$((i+1))\ndone\nexit 0\n'


def _script() -> bytes:
    head = b"#!/bin/sh\n" + _LOOP.encode()
    missing = _SCRIPT_SIZE - len(head)
    return head + (_PADDING * (missing // len(_PADDING) + 1))[: missing - 1] + b"\n"


SCRIPT: Final = _script()
# what the bare loops do in one exec, with the script on stdin
UPLOAD: Final = 'd=$(mktemp -d) && cat >"$d/s" && sh "$d/s"; r=$?; rm -rf "$d"; exit $r'


_MANY: Final = 1000
_SECONDS: Final = 60


class Scenario(msgspec.Struct, frozen=True):
    """One piece of work per host; ``lines`` is what each host must answer with.

    ``operations`` of the same kind follow each other on a host. ``nodes`` are the scenario's own, whatever was asked
    for, and all of them are taken at a time, in one run.
    """

    name: str
    about: str
    lines: int
    uploads: bool = False
    operations: int = 1
    command: str = "true"
    nodes: int = 0


SCENARIOS: Final = {
    scenario.name: scenario
    for scenario in (
        Scenario("w1", "one command (`true`) on each host", 0),
        Scenario("w2", "a 10 KiB script uploaded, run, its 100 lines captured, and removed, on each host", LINES, True),
        Scenario("w4", "four commands (`true`) one after another on each host", 0, operations=4),
        Scenario(
            "held",
            f"{_MANY} hosts at a time, a command (`sleep {_SECONDS}`) that lasts until all have it: see the memory",
            0,
            command=f"sleep {_SECONDS}",
            nodes=_MANY,
        ),
    )
}
STARTUP: Final = "startup"


class Turn(msgspec.Struct, frozen=True):
    """One measurement to take."""

    scenario: str
    nodes: int
    run: int
    peer: str


def turns(scenarios: tuple[str, ...], nodes: tuple[int, ...], runs: int, peers: tuple[str, ...]) -> Iterator[Turn]:
    """Yield the measurements interleaved: every peer once, then every peer again.

    Each run begins with another peer, so that no one always follows the dearest.
    """
    for count in nodes:
        for scenario in scenarios:
            if not SCENARIOS[scenario].nodes:
                yield from _rounds(scenario, count, runs, peers)
    for scenario in scenarios:
        if own := SCENARIOS[scenario].nodes:
            yield from _rounds(scenario, own, 1, peers)


def _rounds(scenario: str, count: int, runs: int, peers: tuple[str, ...]) -> Iterator[Turn]:
    for run in range(runs):
        shift = run % len(peers) if peers else 0
        for peer in peers[shift:] + peers[:shift]:
            yield Turn(scenario, count, run, peer)
