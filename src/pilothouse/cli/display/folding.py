"""Identical outputs of many nodes shown once, and what differs as a difference. Pure."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

import msgspec

from pilothouse.cli.display.palette import DIM, STRONG, Line, clean, count
from pilothouse.cli.display.ranges import named

KINDS: Final = 12
LINES: Final = 200
_COMPARED: Final = 4000
_STYLES: Final = {"+": "green", "-": "red", "@": "cyan"}


class Fold(msgspec.Struct, frozen=True):
    """One output and the nodes (in the order given) that have it."""

    nodes: tuple[str, ...]
    lines: tuple[str, ...]


def fold(outputs: Iterable[tuple[str, Sequence[str]]]) -> list[Fold]:
    """Return each distinct output once, that of most nodes first, then in the order of their first nodes."""
    kinds: dict[tuple[str, ...], list[str]] = {}
    for node, lines in outputs:
        kinds.setdefault(tuple(lines), []).append(node)
    folds = [Fold(tuple(nodes), lines) for lines, nodes in kinds.items()]
    return sorted(folds, key=lambda item: -len(item.nodes))


def describe(folds: Sequence[Fold], *, kinds: int = KINDS, most: int = LINES) -> list[Line]:
    """Return folds for a person: the first in full, the others as differences from it where these are shorter.

    At most ``kinds`` folds are shown, and ``most`` lines of each.
    """
    if not folds:
        return []
    common = folds[0]
    lines: list[Line] = [_head(common, STRONG), *_body(common.lines, most)]
    for item in folds[1:kinds]:
        lines += _other(common, item, most)
    if rest := folds[kinds:]:
        nodes = sum(len(item.nodes) for item in rest)
        lines.append(((f"... and {count(len(rest), 'other output')} of {count(nodes, 'node')}; all: --json", DIM),))
    return lines


def headline(folds: Sequence[Fold]) -> str:
    """Return how much the nodes agree: ``997 of 1,000 nodes agree, 3 differ``."""
    total = sum(len(item.nodes) for item in folds)
    if len(folds) <= 1:
        return f"{count(total, 'node')}, the same" if total > 1 else count(total, "node")
    common = len(folds[0].nodes)
    if common == 1:
        return f"{count(total, 'node')}, all different"
    differ = "1 differs" if total - common == 1 else f"{total - common:,} differ"
    return f"{common:,} of {count(total, 'node')} agree, {differ} in {count(len(folds) - 1, 'way')}"


def difference(common: Sequence[str], other: Sequence[str]) -> list[str]:
    """Return the unified difference that leads from ``common`` to ``other``, without file names."""
    return list(islice(difflib.unified_diff(common, other, lineterm="", n=2), 2, None))


def as_lines(values: Mapping[str, object]) -> list[str]:
    """Return an operation's outputs as lines: a name and its value, further lines of a value indented."""
    lines = []
    for name, value in values.items():
        text = value if isinstance(value, str) else msgspec.json.encode(value, order="sorted").decode()
        first, *others = text.split("\n")
        lines += [f"{name} = {first}".rstrip(), *(f"    {line}".rstrip() for line in others)]
    return lines


def _other(common: Fold, item: Fold, most: int) -> list[Line]:
    lines: list[Line] = [(), _head(item, STRONG)]
    small = len(common.lines) + len(item.lines) <= _COMPARED
    changes = difference(common.lines, item.lines) if small and len(common.nodes) > 1 else []
    if not changes or len(changes) > len(item.lines) + len(common.lines):
        return [*lines, *_body(item.lines, most)]
    lines.append(((f"  differs from that of {count(len(common.nodes), 'node')}:", DIM),))
    lines += [((f"  {clean(change)}", _STYLES.get(change[:1], "")),) for change in changes[:most]]
    return lines + _more(len(changes) - most)


def _head(item: Fold, style: str) -> Line:
    return ((f"{count(len(item.nodes), 'node')}: ", style), (named(item.nodes), ""))


def _body(lines: Sequence[str], most: int) -> list[Line]:
    if not lines:
        return [(("  (nothing)", DIM),)]
    return [*(((f"  {clean(line)}".rstrip(), ""),) for line in lines[:most]), *_more(len(lines) - most)]


def _more(left: int) -> list[Line]:
    return [((f"  ... and {count(left, 'more line')}; all: --json", DIM),)] if left > 0 else []
