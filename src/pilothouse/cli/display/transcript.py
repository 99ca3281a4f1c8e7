"""What each operation printed, read back from a node's log (spec section 5.4). Pure."""

import re
from collections.abc import Iterable
from typing import Final

_TIME: Final = re.compile(r"\d\d:\d\d:\d\d ")
_START: Final = re.compile(r"------START--\[(.*)\] \S+ execution start\.\.\.")
_END: Final = "------END--[{}] execution complete, "
_COMMAND: Final = "INFO: Execute -> "
_VERDICT: Final = re.compile(r"(FINE|WARN|ERROR): Execute operation ")


def transcript(lines: Iterable[str]) -> dict[str, list[str]]:
    """Return the printed lines by operation id, without times and without what the engine adds.

    An operation that is still running has the lines printed so far.
    """
    found: dict[str, list[str]] = {}
    inside: str | None = None
    for line in lines:
        text = _TIME.sub("", line, count=1)
        if inside is None:
            if started := _START.fullmatch(text):
                inside = started[1]
                found[inside] = []
        elif text.startswith(_END.format(inside)):
            found[inside] = _own(found[inside], ended=True)
            inside = None
        else:
            found[inside].append(text)
    if inside is not None:
        found[inside] = _own(found[inside], ended=False)
    return found


def _own(lines: list[str], *, ended: bool) -> list[str]:
    """Leave out the operation's help and command at the beginning and the verdict at the end."""
    first = 0
    while first < len(lines) and lines[first].startswith("# "):
        first += 1
    begin = first + 1 if first < len(lines) and lines[first].startswith(_COMMAND) else 0
    end = len(lines) - 1 if ended and lines and _VERDICT.match(lines[-1]) else len(lines)
    return lines[begin:end]
