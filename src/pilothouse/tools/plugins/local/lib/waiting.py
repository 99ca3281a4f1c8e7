"""Asking several services again and again until all are up, or all are down.

Shared by the waiting tools of the runner; needs nothing but the standard library, and no recent one.
"""  # noqa: INP001 - a folder of programs, not a package

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

    from probe import Answer

PAUSE = 1.0


def options(what: str, *, blanks: bool = True) -> argparse.Namespace:
    """Return the options that the waiting tools share; ``blanks`` part the targets in an argument, else lines do."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--targetstatus", choices=("up", "down"), default="up")
    parser.add_argument("--timeout", type=float, default=10.0)
    parser.add_argument("--retrycount", type=int, default=30)
    parser.add_argument("--insecure", action="store_true")
    parser.add_argument("targets", nargs="*")
    parser.error = refuse  # type: ignore[method-assign]
    found = parser.parse_args()
    lines = [line.strip() for target in found.targets for line in target.replace("\\n", "\n").split("\n")]
    found.targets = [part for line in lines for part in (line.replace(",", " ").split() if blanks else [line]) if part]
    if not found.targets:
        refuse(f"there is no {what} to ask; give at least one argument")
    return found


def wait(targets: list[str], wanted: str, retries: int, ask: Callable[[str], Answer]) -> int:
    """Ask the targets up to ``retries`` times, a second apart; returns 0, or 1 when one is not as ``wanted``."""
    left = dict.fromkeys(targets, "")
    for turn in range(max(1, retries)):
        for target in list(left):
            answer = ask(target)
            if (wanted == "up") == (not answer.error):
                print(f"FINE: {target} is {wanted}", flush=True)
                del left[target]
            elif turn == 0 or answer.error != left[target]:
                print(f"INFO: {answer.error or f'{target} answers'}; waiting", flush=True)
                left[target] = answer.error
        if not left:
            return 0
        if turn < retries - 1:
            time.sleep(PAUSE)
    for target, error in left.items():
        print(f"ERROR: {target} is not {wanted} after {max(1, retries)} tries{f': {error}' if error else ''}")
    return 1


def refuse(message: str) -> NoReturn:
    """Say what is wrong with the call, and end with 2."""
    print(f"ERROR: {message}")
    sys.exit(2)
