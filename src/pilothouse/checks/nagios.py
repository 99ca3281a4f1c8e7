"""What plugins of Nagios say: a word for their exit code, and numbers after a bar."""

from __future__ import annotations

import re
from typing import NamedTuple

STATUS = {0: "OK", 1: "WARNING", 2: "CRITICAL", 3: "UNKNOWN"}
_DATUM = re.compile(r"(?:'((?:[^']|'')*)'|([^\s'=]+))=(-?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?|U)([^\s;\d]*)((?:;[^\s;]*)*)")


class Datum(NamedTuple):
    """One number: what it is, its unit as it stands, and the limits that the plugin went by."""

    label: str
    value: str
    unit: str
    limits: tuple[str, ...]


def performance(output: str) -> list[Datum]:
    """Return the numbers in a plugin's output; what is no number is passed over."""
    first, *rest = output.split("\n")
    parts = [first.partition("|")[2]]
    for place, line in enumerate(rest):
        if "|" in line:  # from the bar of the long text on, all is numbers
            parts += [line.partition("|")[2], *rest[place + 1 :]]
            break
    found = []
    for match in _DATUM.finditer(" ".join(parts)):
        quoted, plain, value, unit, limits = match.groups()
        label = quoted.replace("''", "'") if quoted is not None else plain
        found.append(Datum(label, value, unit, tuple(limits.split(";")[1:])))
    return found
