"""How the master refuses; each dialect maps these to its own statuses at its door."""

from pilothouse.errors import PilothouseError, RefusedError


class MasterError(PilothouseError):
    """The master did not do what was asked."""


class NotFoundError(MasterError):
    """What was named does not exist, or the caller may not know that it does (classic 404, JSON-RPC 403)."""


class InvalidRequestError(MasterError):
    """What was asked cannot be meant: a state that does not exist, an empty title (400)."""


class NotAllocatedError(NotFoundError):
    """No partition, or no host for a shared instance, satisfies the request (404).

    The text is the one that clients know; ``reason`` tells a person more, where there is more to tell.
    """

    def __init__(self, text: str, reason: str = "") -> None:
        self.reason = reason
        super().__init__(text)


class NotReadyError(MasterError):
    """It was accepted but has no place yet; ask again (408)."""


class ForbiddenError(MasterError, RefusedError):
    """The caller is known and may not do this (403); it is in the audit log."""


class UnreachableMasterError(MasterError):
    """The other master, to which this request is forwarded, does not answer (523)."""
