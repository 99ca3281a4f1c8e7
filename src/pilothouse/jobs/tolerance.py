"""How many nodes of a phase may fail before no further ones are started (autoexec-console.md, annex C.1-9). Pure."""

import re
from typing import Final

import msgspec

from pilothouse.jobs.fields import Fields, shown

_FORM: Final = re.compile(r"(\d{1,9})(%?)\Z", re.ASCII)
_ALL: Final = 100


class Tolerance(msgspec.Struct, frozen=True):
    """A number of nodes, or a share of the phase's nodes in percent."""

    number: int = 0
    percent: bool = False

    def covers(self, failed: int, total: int) -> bool:
        """Whether ``failed`` of ``total`` nodes are no reason to stop."""
        return failed * _ALL <= self.number * total if self.percent else failed <= self.number


def read_tolerance(read: Fields, default: Tolerance) -> Tolerance:
    """Read ``maxFailures``: a number, or a text like ``10%``; ``default`` when absent, null, empty or faulty."""
    found = read.value.get("maxFailures")
    if found is None or found == "":
        return default
    match = _FORM.match(str(found)) if isinstance(found, int | str) and not isinstance(found, bool) else None
    if match is None or (match[2] and int(match[1]) > _ALL):
        read.fault("maxFailures", shown(found), "a number of nodes, 0 or more, or a share of them from 0% to 100%")
        return default
    return Tolerance(int(match[1]), bool(match[2]))
