"""When machines are told that results are recorded, and when they may remove the job's folder."""

from pilothouse.engine.native.table import is_native
from pilothouse.engine.operation import Attempt
from pilothouse.jobs.document import Kind, Operation, each


class Settling:
    """The settling of one node's operations in one phase.

    The last operation on a machine takes the job's folder along. Behind blocks nobody knows which one is the
    last: there, each is held until the next begins on that machine, or the node ends.
    """

    def __init__(self, operations: tuple[Operation, ...]) -> None:
        self._known = all(operation.block is None for operation in operations)
        self._operations = [operation for _, operation in each(operations) if not is_native(operation)]
        self._held: dict[bool, Attempt] = {}

    async def begin(self, operation: Operation) -> None:
        """Settle what was held of the operation's machine: it is not the last there."""
        held = self._held.pop(_on_target(operation), None)
        if held is not None:
            await held.settle(clean=False)

    async def ended(self, operation: Operation, attempt: Attempt, *, stops: bool) -> None:
        """Settle a recorded operation, or hold it; ``stops`` means that the node runs no further one."""
        side = _on_target(operation)
        if stops:
            await attempt.settle(clean=True)
        elif self._known:
            later = self._operations[self._operations.index(operation) + 1 :]
            await attempt.settle(clean=all(_on_target(item) is not side for item in later))
        else:
            self._held[side] = attempt

    async def close(self, *, clean: bool) -> None:
        """Settle what is held; with ``clean`` nothing follows on this node in this phase."""
        while self._held:
            _, attempt = self._held.popitem()
            await attempt.settle(clean=clean)


def _on_target(operation: Operation) -> bool:
    return operation.kind is Kind.TARGET
