"""What the database may do to its users."""

from pilothouse.errors import PilothouseError


class StoreError(PilothouseError):
    """The database is away, full or cannot be used; nothing of the work was done, or nobody can tell."""


class BrokenChainError(StoreError):
    """The audit log was changed afterwards: ``row`` is the first that does not follow from the one before."""

    def __init__(self, row: int, reason: str) -> None:
        self.row = row
        self.reason = reason
        super().__init__(f"audit log: row {row} {reason}; rows before it are sound")
