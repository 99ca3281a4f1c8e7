"""What the journal knows, as values: runs, phases, nodes, operations, questions."""

import msgspec

from pilothouse.jobs.states import State


class OperationMark(msgspec.Struct, frozen=True):
    """What is known of an operation: its state, the token of its last attempt, and that attempt's exit code."""

    state: State
    token: str
    code: int | None = None

    @property
    def open(self) -> bool:
        """Whether the attempt's outcome was never learnt: the engine or the connection died before it ended."""
        return self.code is None and self.state is not State.SUCCEEDED


class RunRow(msgspec.Struct, frozen=True):
    """One run of the job."""

    number: int
    started: float
    ended: float | None
    pid: int
    user: str
    digest: str
    state: str


class PhaseRow(msgspec.Struct, frozen=True):
    """A phase's last known state."""

    phase: str
    state: str
    run: int
    started: float | None
    ended: float | None


class NodeRow(msgspec.Struct, frozen=True):
    """A node's last known state in a phase."""

    phase: str
    resource_id: int
    key: str
    state: str
    started: float
    ended: float | None
    warnings: int
    reason: str


class OperationRow(msgspec.Struct, frozen=True):
    """An operation's last known state on a node in a phase."""

    phase: str
    resource_id: int
    operation: str
    state: str
    started: float
    ended: float | None
    code: int | None
    reason: str


class QuestionRow(msgspec.Struct, frozen=True):
    """A question that waits for its answer; ``interact`` is the JSON that the operation sent."""

    phase: str
    resource_id: int
    key: str
    asked: float
    interact: str
