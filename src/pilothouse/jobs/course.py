"""What comes next: the way through a tree of operations. Pure; whoever walks it answers what blocks ask."""

from collections.abc import Generator
from typing import Any

import msgspec

from pilothouse.jobs.document import Choice, Loop, Operation
from pilothouse.jobs.turns import Turn, Turns, key_of


class Step(msgspec.Struct, frozen=True):
    """An operation or a block at its place, in the ``turns`` of the loops around it."""

    operation: Operation
    turns: Turns = ()

    @property
    def key(self) -> str:
        """The name under which it is recorded."""
        return key_of(self.operation.id, self.turns)


Course = Generator[Step, Any, None]


def course(operations: tuple[Operation, ...], turns: Turns = ()) -> Course:
    """Yield the steps in order.

    A block is a step too; ``send`` answers it: for a `Choice` whether its condition holds, for a `Loop` the
    list of its items, for either None to pass it over.
    """
    for operation in operations:
        answer = yield Step(operation, turns)
        match operation.block:
            case Choice() as choice if answer is not None:
                yield from course(choice.then if answer else choice.otherwise, turns)
            case Loop() as loop if answer is not None:
                for index, item in enumerate(answer):
                    yield from course(loop.operations, (*turns, Turn(loop, index, item)))


def advance(steps: Course, answer: Any) -> Step | None:
    """Return the next step, given the answer to the last one; None at the end."""
    try:
        return steps.send(answer)
    except StopIteration:
        return None
