"""The native operations by name. A new one is a coroutine and a line here."""

from typing import Final

from pilothouse.engine.native.contract import Native
from pilothouse.engine.native.environment import (
    export,
    extract_previous_status,
    set_environment,
    update_global_parameter,
)
from pilothouse.engine.native.failkeys import fail_keys
from pilothouse.engine.native.messages import echo, fail_job
from pilothouse.jobs.document import Kind, Operation

NATIVES: Final = {
    "native/echo": Native(echo),
    "native/export": Native(export),
    "native/extractprestepstatus": Native(extract_previous_status),
    "native/failjob": Native(fail_job),
    "native/failkeys": Native(fail_keys, standing=True),
    "native/setenv": Native(set_environment),
    "native/updategparam": Native(update_global_parameter),
}


def is_native(operation: Operation) -> bool:
    """Whether the engine carries the operation out itself, or decides it as a block."""
    if operation.block is not None:
        return True
    return operation.kind is Kind.NATIVE and operation.script is None and operation.name in NATIVES


def is_standing(operation: Operation) -> bool:
    """Whether a run that goes on after the operation carries it out again."""
    return is_native(operation) and operation.block is None and NATIVES[operation.name].standing
