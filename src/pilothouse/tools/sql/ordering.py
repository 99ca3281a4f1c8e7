"""In which order SQL files run, and which of them may run side by side (spec section 6.8). Pure."""

import posixpath
import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

EXTENSIONS: Final = ("sql", "prc", "pck", "pkg", "pkgh", "pkgb")
_PREFIX: Final = re.compile(r"\d+(?:\.\d+)*")
_ROLLBACK: Final = "rollback"


def prefix(name: str) -> tuple[int, ...]:
    """Return the numbers that a file's base name begins with: (1, 2) of ``x/1.2.new-table.sql``; none come first."""
    match = _PREFIX.match(posixpath.basename(name))
    return tuple(int(number) for number in match[0].split(".")) if match else ()


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return files in the order of their numbers, those of the same numbers by name."""
    return tuple(sorted(names, key=lambda name: (prefix(name), name)))


def batch(
    names: Iterable[str],
    *,
    index: Sequence[str] = (),
    extensions: Sequence[str] = EXTENSIONS,
    pattern: str = "",
    rollback: bool = False,
) -> tuple[tuple[str, ...], ...]:
    """Return the sets of a deployment's files: the files of a set run side by side, the sets one after another.

    Files of the same numbers make a set; an ``index`` names files in their order instead, each a set of its
    own. Only files of the ``extensions`` count, that the regular expression ``pattern`` is found in; those
    below a folder ``rollback`` only when ``rollback`` is asked for, and then no others.
    """
    ends = tuple(f".{extension.lstrip('.').lower()}" for extension in extensions)
    chosen = [
        name
        for name in names
        if name.lower().endswith(ends)
        and (_ROLLBACK in posixpath.dirname(name).split("/")) == rollback
        and re.search(pattern, name)
    ]
    if index:
        return tuple((name,) for name in dict.fromkeys(index) if name in chosen)
    return tuple(tuple(group) for _, group in groupby(in_order(chosen), key=prefix))
