"""What a native operation is: a coroutine that gets its call, and fails by raising."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

from pilothouse.engine.nodelog import NodeLog
from pilothouse.errors import PilothouseError
from pilothouse.jobs.arguments import CommandLine
from pilothouse.jobs.course import Step
from pilothouse.jobs.references import Scope
from pilothouse.jobs.states import State

if TYPE_CHECKING:
    # the context holds the programs of a job, and finding these asks what is native
    from pilothouse.engine.context import Context, Place

_YES = frozenset({"1", "true", "yes"})


class NativeError(PilothouseError):
    """A native operation failed, as it was asked to or because it cannot be carried out as it stands."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call: ``line`` has the resolved values; ``previous`` is how the operation before this one ended."""

    context: "Context"
    place: "Place"
    step: Step
    log: NodeLog
    scope: Scope
    line: CommandLine
    previous: State | None

    def option(self, name: str) -> str:
        """Return an option's value, empty when it is not given."""
        return next((value.text for key, value in self.line.options if key == name), "")

    def needed(self, name: str) -> str:
        """Return an option's value. Raises NativeError when it is not given."""
        value = self.option(name)
        if not value:
            raise NativeError(f"{self.step.operation.name} needs the option {name}")
        return value

    def flag(self, name: str) -> bool:
        """Return whether an option says yes: 1 or true."""
        return is_yes(self.option(name))

    @property
    def arguments(self) -> tuple[str, ...]:
        """The positional values."""
        return tuple(value.text for value in self.line.arguments)


class Native(msgspec.Struct, frozen=True):
    """A native operation; a ``standing`` one is carried out again by a run that goes on after it.

    Its effect lasts as long as the engine does, so that skipping it would lose it.
    """

    run: Callable[[Call], Awaitable[None]]
    standing: bool = False


def is_yes(text: str) -> bool:
    """Whether a text says yes."""
    return text.strip().lower() in _YES
