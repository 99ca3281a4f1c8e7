"""Many names in few words: ``web-[1-997]``. Pure, and `expand` undoes what `compact` does."""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

_NUMBER: Final = re.compile(r"[0-9]+")
_BRACKETS: Final = re.compile(r"\[([0-9]+(?:-[0-9]+)?(?:,[0-9]+(?:-[0-9]+)?)*)\]")
_SPECIAL: Final = frozenset("[],")
_MOST: Final = 100_000

_Shape = tuple[str, str]


def compact(names: Iterable[str]) -> list[str]:
    """Return patterns for the names, each name once: those that differ in one number share a pattern.

    The last number of a name is tried first. Names that hold ``[``, ``]`` or ``,`` stand for themselves.
    """
    left = list(dict.fromkeys(names))
    found: list[tuple[str, str]] = []
    for place in range(max((len(_NUMBER.findall(name)) for name in left), default=0)):
        left = _take(left, place, found)
    found += [(name, name) for name in left]
    return [pattern for _, pattern in sorted(found, key=lambda item: natural(item[0]))]


def named(names: Iterable[str], most: int = 14, *, total: int = 0) -> str:
    """Return the names in few words, ``web-[1-9], db-1``: at most so many patterns and runs of numbers.

    ``total`` is how many there are when ``names`` are only the first of them.
    """
    wanted = list(dict.fromkeys(names))
    shown: list[str] = []
    left = most
    told = 0
    for pattern in compact(wanted):
        short, runs = _cut(pattern, left)
        if left <= 0:
            break
        shown.append(short)
        told += len(expand(short))
        left -= runs
    untold = max(total, len(wanted)) - told
    more = f" and {untold:,} more" if untold else ""
    return ", ".join(shown) + more


def expand(pattern: str) -> list[str]:
    """Return the names that a pattern of `compact` stands for; another text stands for itself."""
    match = _BRACKETS.search(pattern)
    if match is None:
        return [pattern]
    texts = [text for item in match[1].split(",") for text in _texts(item)]
    return [f"{pattern[: match.start()]}{text}{pattern[match.end() :]}" for text in texts]


def natural(name: str) -> list[tuple[int, int, str]]:
    """Return a key that sorts ``web-2`` before ``web-10``."""
    pieces = re.split(r"([0-9]+)", name)
    return [(0, int(piece), piece) if number % 2 else (1, 0, piece) for number, piece in enumerate(pieces)]


def _cut(pattern: str, most: int) -> tuple[str, int]:
    """Return a pattern with at most so many runs, and how many it has then."""
    match = _BRACKETS.search(pattern)
    if match is None:
        return pattern, 1
    runs = match[1].split(",")[: max(most, 0)]
    return f"{pattern[: match.start(1)]}{','.join(runs)}{pattern[match.end(1) :]}", len(runs)


def _take(names: list[str], place: int, found: list[tuple[str, str]]) -> list[str]:
    """Note the patterns of names that share all but their number at ``place`` from the end; return the others."""
    shapes: dict[_Shape, dict[str, str]] = defaultdict(dict)
    left: dict[str, None] = dict.fromkeys(names)
    for name in names:
        numbers = list(_NUMBER.finditer(name))
        if place < len(numbers) and not _SPECIAL.intersection(name):
            number = numbers[-1 - place]
            shapes[name[: number.start()], name[number.end() :]][number[0]] = name
    for (before, after), members in shapes.items():
        for texts in _widths(members):
            if len(texts) > 1:
                found.append((members[texts[0]], f"{before}[{_runs(texts)}]{after}"))
                for text in texts:
                    del left[members[text]]
    return list(left)


def _widths(texts: Iterable[str]) -> list[list[str]]:
    """Part numbers filled with zeros, by their width, from the others; each part in order."""
    filled = {len(text) for text in texts if _filled(text)}
    parts: dict[int, list[str]] = defaultdict(list)
    for text in sorted(texts, key=int):
        parts[len(text) if len(text) in filled else 0].append(text)
    return list(parts.values())


def _runs(texts: list[str]) -> str:
    runs: list[list[str]] = []
    for text in texts:
        if runs and int(text) == int(runs[-1][-1]) + 1:
            runs[-1][1:] = [text]
        else:
            runs.append([text])
    return ",".join("-".join(run) for run in runs)


def _texts(item: str) -> list[str]:
    first, _, last = item.partition("-")
    if not last or int(last) - int(first) > _MOST:
        return [item]
    width = len(first) if _filled(first) else 0
    return [f"{number:0{width}}" for number in range(int(first), int(last) + 1)]


def _filled(text: str) -> bool:
    return len(text) > 1 and text.startswith("0")
