"""One attempt at a native operation, with the face of an attempt at any other."""

import asyncio
from typing import Final

import msgspec

from pilothouse.engine.context import Context, Place
from pilothouse.engine.native.contract import Call, is_yes
from pilothouse.engine.native.table import NATIVES
from pilothouse.engine.nodelog import NodeLog
from pilothouse.engine.operation import Outcome, Prepared
from pilothouse.engine.scopes import scope_of
from pilothouse.errors import AbortedError, PilothouseError
from pilothouse.jobs.arguments import command_line
from pilothouse.jobs.course import Step
from pilothouse.jobs.document import Operation
from pilothouse.jobs.nodes import LOCAL
from pilothouse.jobs.references import Scope, as_text, expand
from pilothouse.jobs.states import State
from pilothouse.transports.contract import Launch

_NO_LAUNCH: Final = Launch(token="", folder="", argv=())


class NativeAttempt:
    """One attempt at a native operation."""

    def __init__(self, context: Context, place: Place, step: Step, log: NodeLog, previous: State | None) -> None:
        self._context = context
        self._place = place
        self._step = step
        self._log = log
        self._previous = previous
        self._scope = Scope()

    async def prepare(self) -> Prepared:
        """Resolve the options and arguments. Raises UnresolvedReferenceError."""
        self._scope = await scope_of(self._context, self._place, self._step.turns, self._log)
        operation = _secretive(self._step.operation, self._scope)
        line = command_line(operation, self._scope, "posix", self._context.opener, on_target=False)
        self._log.hide(*line.secrets)
        return Prepared(line=line, launch=_NO_LAUNCH, machine=LOCAL)

    async def run(self, prepared: Prepared, token: str) -> Outcome:
        """Carry the operation out; never raises for what it does."""
        call = Call(
            context=self._context,
            place=self._place,
            step=self._step,
            log=self._log,
            scope=self._scope,
            line=prepared.line,
            previous=self._previous,
        )
        limit = self._context.settings.operation_timeout
        try:
            async with asyncio.timeout(limit):
                await NATIVES[self._step.operation.name].run(call)
        except AbortedError as error:
            return Outcome(state=State.ABORTED, reason=str(error))
        except TimeoutError:
            return Outcome(state=State.FAILED, code=1, reason=f"took longer than {limit:.0f} s")
        except (PilothouseError, OSError) as error:
            state = State.ABORTED if self._context.control.aborting else State.FAILED
            return Outcome(state=state, code=1, reason=self._log.shown(str(error)))
        return Outcome(state=State.SUCCEEDED, code=0)


def _secretive(operation: Operation, scope: Scope) -> Operation:
    """Return the operation with its ``value`` as a secret when the option ``hidden`` says so."""
    hidden = next((option.value for option in operation.options if option.name == "hidden"), None)
    if hidden is None or not is_yes(expand(as_text(hidden), scope)):
        return operation
    options = tuple(
        msgspec.structs.replace(option, type="password") if option.name == "value" else option
        for option in operation.options
    )
    return msgspec.structs.replace(operation, options=options)
