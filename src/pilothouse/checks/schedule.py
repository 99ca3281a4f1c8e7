"""When a check is due (node spec 13.10, 13.11)."""

from __future__ import annotations

from typing import Any, NamedTuple

DUE = "due"
LATER = "later"
DISABLED = "disabled"


class Card(NamedTuple):
    """What is remembered of a check for its next turn: its modes, and when it asks to be run again.

    The fields are those of its cache file, in the file's order. ``periodicity`` is in minutes, times are in seconds.
    """

    is_tested: bool
    is_anomaly_detected: bool
    periodicity: float
    timestamp: float
    next_run_after: float
    module_file: str
    module_file_mtime: float

    def enabled(self, *, anomaly: bool) -> bool:
        """Whether the check works in this mode."""
        return self.is_anomaly_detected if anomaly else self.is_tested


def stamped(
    *, tested: bool, detected: bool, periodicity: float, now: float, anomaly: bool, module: str, mtime: float
) -> Card:
    """Return the card of a check that is run now."""
    enabled = detected if anomaly else tested
    later = now + periodicity * 60 if enabled else now
    return Card(tested, detected, periodicity, now, later, module, mtime)


def read(document: Any) -> Card | None:
    """Return the card that a cache file holds, None when it holds anything else."""
    if not isinstance(document, dict) or not all(name in document for name in Card._fields):
        return None
    numbers = ("periodicity", "timestamp", "next_run_after", "module_file_mtime")
    right = all(type(document[name]) in (int, float) for name in numbers) and isinstance(document["module_file"], str)
    modes = all(isinstance(document[name], bool) for name in ("is_tested", "is_anomaly_detected"))
    return Card(*(document[name] for name in Card._fields)) if right and modes else None


def turn(card: Card | None, *, anomaly: bool, forced: bool, now: float) -> str:
    """Return what happens to a check now: DUE, LATER, or DISABLED in this mode.

    A clock that was set back does not hold a check up: a card from the future counts as none.
    """
    if card is None:
        return DUE
    if not card.enabled(anomaly=anomaly):
        return DISABLED
    if forced or now >= card.next_run_after or now < card.timestamp:
        return DUE
    return LATER
