"""What takes part in the turns of a libssh2 session."""

from typing import Protocol


class Channel(Protocol):
    """What takes part in a session's turns."""

    @property
    def reading(self) -> bool:
        """Whether it waits for anything to be read."""
        ...

    @property
    def writing(self) -> bool:
        """Whether it has anything to send."""
        ...

    def write(self) -> int:
        """Send what can be sent without waiting; returns AGAIN when something is left. May raise SSH2Error."""
        ...

    def read(self) -> bool:
        """Take some of what has come; returns whether there is more. May raise SSH2Error."""
        ...

    def waiting(self) -> bool | None:
        """Whether something for it lies in the library already, so that the socket will not tell; None: unknown."""
        ...

    def lost(self, why: str) -> None:
        """Learn that the connection is gone."""
        ...
