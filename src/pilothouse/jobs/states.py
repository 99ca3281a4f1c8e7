"""The one state machine of jobs, groups, phases, nodes and operations (spec section 5.1).

The words here are the house's; documents and files of the documented layout use the legacy words, mapped at
their doors by `legacy_word` and `from_legacy`.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec


class State(StrEnum):
    """Where a job, phase, node or operation stands."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    IGNORED = "ignored"
    COMPLETED = "completed"
    FAILED = "failed"
    ABORTED = "aborted"
    PAUSED = "paused"

    @property
    def finished(self) -> bool:
        """Whether a node or operation in this state is left alone by the next run."""
        return self in FINISHED


FINISHED: Final = frozenset({State.SUCCEEDED, State.IGNORED, State.COMPLETED})

_LEGACY: Final = {State.SUCCEEDED: "succeed", State.WAITING: "waitInput"}
_FROM_LEGACY: Final = {word: state for state, word in _LEGACY.items()}

_MOVES: Final = {
    State.PENDING: {State.RUNNING, State.ABORTED, State.PAUSED},
    State.RUNNING: {
        State.WAITING,
        State.SUCCEEDED,
        State.IGNORED,
        State.COMPLETED,
        State.FAILED,
        State.ABORTED,
        State.PAUSED,
    },
    State.WAITING: {State.RUNNING, State.FAILED, State.ABORTED},
    State.FAILED: {State.RUNNING},
    State.ABORTED: {State.RUNNING},
    State.PAUSED: {State.RUNNING},
    State.SUCCEEDED: {State.RUNNING},
    State.IGNORED: {State.RUNNING},
    State.COMPLETED: {State.RUNNING},
}


def may_move(before: State, after: State, *, force: bool = False) -> bool:
    """Whether the machine allows the step; leaving a finished state takes ``force``."""
    if before.finished and not force:
        return False
    return after in _MOVES[before]


def legacy_word(state: State) -> str:
    """Return the word that documented files and callbacks use."""
    return _LEGACY.get(state, state.value)


def from_legacy(word: str) -> State:
    """Return the state of a documented word; raises ValueError for any other."""
    return _FROM_LEGACY.get(word) or State(word)


class Tally(msgspec.Struct, frozen=True):
    """How many nodes of a phase ended in which way; ``skipped`` are those finished by an earlier run."""

    succeeded: int = 0
    ignored: int = 0
    failed: int = 0
    aborted: int = 0
    paused: int = 0
    skipped: int = 0

    @property
    def ended(self) -> int:
        """How many nodes need no further work in this run."""
        return self.succeeded + self.ignored + self.failed + self.aborted + self.skipped


def tally(states: Iterable[State], skipped: int = 0) -> Tally:
    """Count end states; states that are no end states do not count."""
    counts = dict.fromkeys(("succeeded", "ignored", "failed", "aborted", "paused"), 0)
    for state in states:
        if state.value in counts:
            counts[state.value] += 1
    return Tally(**counts, skipped=skipped)


def phase_state(counts: Tally, *, aborting: bool, stopping: bool) -> State:
    """Return how a phase ends (spec section 4.6), ``stopping`` meaning paused or failed elsewhere."""
    if aborting:
        return State.ABORTED
    if counts.failed or counts.aborted:
        return State.FAILED
    if stopping or counts.paused:
        return State.PAUSED
    return State.COMPLETED if counts.ignored else State.SUCCEEDED


def job_state(states: Iterable[State], *, aborting: bool, pausing: bool) -> State:
    """Return how a job ends, given how its phases ended."""
    seen = set(states)
    if aborting or State.ABORTED in seen:
        return State.ABORTED
    if State.FAILED in seen:
        return State.FAILED
    if pausing or State.PAUSED in seen:
        return State.PAUSED
    return State.COMPLETED if State.COMPLETED in seen else State.SUCCEEDED
