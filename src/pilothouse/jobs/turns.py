"""Turns of loops, and the outputs of what runs in them (spec section 4.10).

What an operation hands back in a turn is kept under ``<id>#<index>``, with one ``#<index>`` for each loop
around it, the outermost first. What others see is made of that: under ``<id>`` the last turn's outputs,
under ``<id>.loop`` the list of all turns'.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from pilothouse.jobs.document import Loop, each

NODE_VARIABLES: Final = "nodeEnv"
HIDDEN_VARIABLES: Final = "hiddenNodeEnv"
RESERVED: Final = frozenset({NODE_VARIABLES, HIDDEN_VARIABLES})
"""Names that stand beside operation ids in a node's outputs, and mean the node's variables."""

_TURN: Final = re.compile(r"(.+?)((?:#[0-9]+)+)", re.ASCII | re.DOTALL)


class Turn(msgspec.Struct, frozen=True):
    """One time round a loop; ``index`` counts from 0."""

    loop: Loop
    index: int
    item: Any

    def holds(self, operation: str) -> bool:
        """Whether the operation with this id stands in the loop."""
        return any(inner.id == operation for _, inner in each(self.loop.operations))


Turns = tuple[Turn, ...]
"""The turns that something stands in, the outermost loop's first."""


def key_of(operation: str, turns: Turns) -> str:
    """Return the name under which an operation is recorded: its id, in a loop with the turns' numbers."""
    return operation + "".join(f"#{turn.index}" for turn in turns)


def operation_of(key: str) -> str:
    """Return the id of the operation that is recorded under a name."""
    return _parts(key)[0]


def is_turn(key: str) -> bool:
    """Whether a name means an operation in a turn."""
    return _TURN.fullmatch(key) is not None


def folded(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Return outputs as they are shown: turns folded into ``<id>`` and ``<id>.loop``."""
    return _fold(recorded, ())


def seen_from(recorded: Mapping[str, Any], turns: Turns) -> dict[str, Any]:
    """Return the outputs that an operation in these turns refers to.

    Of the loops around it only this turn and those before count, whatever an earlier run left of later ones.
    """
    outputs = _fold(recorded, turns)
    return {name: data for name, data in outputs.items() if name not in RESERVED}


def stale(recorded: Iterable[str], loop: Loop, turns: Turns, count: int) -> list[str]:
    """Return the recorded names that belong to turns a loop of ``count`` items will not take."""
    around = tuple(turn.index for turn in turns)
    found = []
    for key in recorded:
        operation, indexes = _parts(key)
        inside = len(indexes) > len(around) and indexes[: len(around)] == around and indexes[len(around)] >= count
        if inside and any(inner.id == operation for _, inner in each(loop.operations)):
            found.append(key)
    return found


def _fold(recorded: Mapping[str, Any], turns: Turns) -> dict[str, Any]:
    if not any("#" in key for key in recorded):
        return dict(recorded)
    result: dict[str, Any] = {}
    taken: dict[str, list[tuple[tuple[int, ...], Any]]] = {}
    for key, data in recorded.items():
        operation, indexes = _parts(key)
        if not indexes:
            result[key] = data
        elif _reached(operation, indexes, turns):
            taken.setdefault(operation, []).append((indexes, data))
    for operation, rows in taken.items():
        every = [data for _, data in sorted(rows, key=lambda row: row[0])]
        result[operation] = every[-1]
        result[f"{operation}.loop"] = every
    return result


def _reached(operation: str, indexes: tuple[int, ...], turns: Turns) -> bool:
    shared = tuple(turn.index for turn in turns if turn.holds(operation))
    return indexes[: len(shared)] <= shared


def _parts(key: str) -> tuple[str, tuple[int, ...]]:
    match = _TURN.fullmatch(key)
    if match is None:
        return key, ()
    return match[1], tuple(int(index) for index in match[2][1:].split("#"))
