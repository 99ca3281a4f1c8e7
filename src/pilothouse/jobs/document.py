"""The job document (params.json) as values: groups, phases, operations (spec sections 2.1 to 2.6)."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Final

import msgspec

from pilothouse.jobs.nodes import Node
from pilothouse.jobs.tolerance import Tolerance


class Kind(StrEnum):
    """What an operation is, which says where it runs (spec section 2.4)."""

    RUNNER = "runner"
    TARGET = "target"
    RUNNER_TARGET = "runner_target"
    SQLFILE = "sqlfile"
    NATIVE = "native"


LEGACY_KINDS: Final = {"local": Kind.RUNNER, "remote": Kind.TARGET, "localremote": Kind.RUNNER_TARGET}

ON_RUNNER: Final = frozenset({Kind.RUNNER, Kind.SQLFILE})
"""Kinds that run once per phase, on the local node."""

PER_NODE: Final = frozenset({Kind.TARGET, Kind.RUNNER_TARGET})
"""Kinds that run once per target node; native operations follow their phase."""


class Strategy(StrEnum):
    """How a group takes its nodes: all at once, or round after round."""

    ONE_SHOT = "oneShot"
    GRAY_SCALE = "grayScale"


class ExecRound(StrEnum):
    """Which gray-scale round triggers a phase that runs on the runner."""

    FIRST = "first"
    MIDDLE = "middle"
    LAST = "last"


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """A custom script: its text, or the id under which the script folder or the server holds it."""

    interpreter: str
    content: str | None = None
    id: str = ""


class Option(msgspec.Struct, frozen=True):
    """A named value on an operation's command line; ``value`` is JSON, references not yet resolved."""

    name: str
    value: Any
    type: str


class Argument(msgspec.Struct, frozen=True):
    """A positional value on an operation's command line."""

    value: Any
    type: str


class Output(msgspec.Struct, frozen=True):
    """A value that an operation promises to hand back."""

    name: str
    type: str
    default: Any = None


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """An IF block: where ``condition`` holds ``then`` runs, elsewhere ``otherwise`` (spec section 4.9)."""

    condition: str
    then: "tuple[Operation, ...]" = ()
    otherwise: "tuple[Operation, ...]" = ()


class Loop(msgspec.Struct, frozen=True, kw_only=True):
    """A LOOP block: ``operations`` once for each of the ``items``, named ``variable`` meanwhile (spec section 4.10)."""

    items: str
    variable: str
    operations: "tuple[Operation, ...]" = ()


Block = Choice | Loop


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a phase; with a ``block`` it is the steps in there.

    ``outputs`` is None when the operation has none; it may be empty.
    """

    id: str
    name: str
    kind: Kind
    script: Script | None = None
    interpreter: str = ""
    options: tuple[Option, ...] = ()
    arguments: tuple[Argument, ...] = ()
    outputs: tuple[Output, ...] | None = None
    fail_ignore: bool = False
    node_password: bool = False
    help: str = ""
    block: Block | None = None


def each(operations: tuple[Operation, ...], place: str = "") -> Iterator[tuple[str, Operation]]:
    """Yield every operation with its JSON path below ``place``, blocks before what is in them."""
    for index, operation in enumerate(operations):
        where = f"{place}[{index}]"
        yield where, operation
        match operation.block:
            case Choice() as choice:
                yield from each(choice.then, f"{where}.if")
                yield from each(choice.otherwise, f"{where}.else")
            case Loop() as loop:
                yield from each(loop.operations, f"{where}.operations")


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """Operations in order, on the runner (``on_runner``) or on each target node.

    ``parallel`` is how many nodes at a time, and wins over ``round_count``. Two phases of a group that both
    ``serialize`` never work on one node at once. ``tolerance`` says how many nodes may fail before no further ones are
    started. Each is the group's unless the phase says otherwise.
    """

    name: str
    on_runner: bool
    operations: tuple[Operation, ...]
    exec_round: ExecRound = ExecRound.FIRST
    round_count: int | None = None
    parallel: int | None = None
    serialize: bool = False
    rerun: bool = False
    tolerance: Tolerance = Tolerance()


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Phases that run together."""

    number: int
    strategy: Strategy
    phases: tuple[Phase, ...]
    round_count: int | None = None
    parallel: int | None = None


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A whole job. ``nodes`` is None unless the document carries its own (``runNode``)."""

    id: str
    groups: tuple[Group, ...]
    tenant: str = "none"
    user: str = ""
    round_count: int = 0
    options: dict[str, Any] = {}
    global_options: dict[str, Any] = {}
    environment: dict[str, Any] = {}
    pass_through: dict[str, Any] = {}
    nodes: tuple[Node, ...] | None = None

    @property
    def needs_nodes(self) -> bool:
        """Whether any phase runs on target nodes."""
        return any(not phase.on_runner for group in self.groups for phase in group.phases)


def placed(job: Job) -> Iterator[tuple[str, str, Operation]]:
    """Yield the name of the phase, the JSON path and the operation, for every operation, also of those in blocks."""
    for g, group in enumerate(job.groups):
        for p, phase in enumerate(group.phases):
            for place, operation in each(phase.operations, f"$.runFlow[{g}].phases[{p}].operations"):
                yield phase.name, place, operation
