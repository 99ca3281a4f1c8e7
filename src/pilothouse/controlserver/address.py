"""Where the control server is and how to speak to it."""

from pathlib import Path

import msgspec

from pilothouse.jobs.secret import Secret


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A control server. Times are seconds.

    ``url`` is the base of all addresses, without a slash at its end. ``ca`` is a file of certificates to trust
    in place of the system's. ``read_timeout`` counts silence, not the whole call; ``patience`` is how long a
    download or a question goes on trying, ``grace`` how long the end of a run waits for unsent pushes.
    """

    url: str
    user: str
    password: Secret
    tenant: str = "none"
    ca: Path | None = None
    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    patience: float = 60.0
    grace: float = 20.0
