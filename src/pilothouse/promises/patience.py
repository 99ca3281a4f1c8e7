"""Asking again for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

_PAUSE = 0.1
_USUAL = 5.0


def patient(ask: Callable[[], Any], patience: str | None) -> Any:
    """Return what ``ask`` returns once it raises no OSError; raises the last one after ``patience`` seconds."""
    until = time.monotonic() + (_USUAL if patience is None else float(patience))
    while True:
        try:
            return ask()
        except OSError:
            if time.monotonic() >= until:
                raise
        time.sleep(_PAUSE)
