"""Packages of which plugins bring further parts: `slapos.grid.promise` is ours, `slapos.toolbox` may be theirs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator


class Portions(list):  # type: ignore[type-arg]  # Python 3.8 cannot say list[str] here
    """The ``__path__`` of a package: our folder, then those of the same name anywhere on ``sys.path`` at that time."""

    def __init__(self, name: str, own: str) -> None:
        super().__init__([own])
        self._below = name.replace(".", os.sep)

    def __iter__(self) -> Iterator[str]:
        """Yield the folders."""
        own = list(super().__iter__())
        yield from own
        for entry in sys.path:
            folder = os.path.join(entry, self._below)
            if folder not in own and os.path.isdir(folder):
                yield folder
