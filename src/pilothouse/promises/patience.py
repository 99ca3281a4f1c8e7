"""Asking again while a program that was just deployed may still be on its way."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from pilothouse.node.promising.generic import GenericPromise

_PAUSE = 0.1
_USUAL = 15.0


def patient(promise: GenericPromise, ask: Callable[[], Any]) -> Any:
    """Return what ``ask`` returns once it raises no OSError.

    Raises the last one when ``patience`` seconds have passed since the instance was deployed; at once, if they have.
    """
    left = float(promise.getConfig("patience", _USUAL)) - _age(promise.getPartitionFolder())
    until = time.monotonic() + left
    while True:
        try:
            return ask()
        except OSError:
            if time.monotonic() >= until:
                raise
        time.sleep(_PAUSE)


def _age(folder: str) -> float:
    """Return how many seconds ago the node wrote the instance's profile, which it does before it starts anything."""
    try:
        return max(0.0, time.time() - os.stat(os.path.join(folder, "buildout.cfg")).st_mtime)
    except OSError:
        return 0.0
