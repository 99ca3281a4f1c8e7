"""Which account on which computer makes the call."""

import os
import socket


def os_user() -> str:
    """Return the name of the account that this process runs as, or its number where it has no name."""
    if os.name != "posix":
        return os.environ.get("USERNAME", "?")
    import pwd  # not there on Windows

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def os_host() -> str:
    """Return the name of this computer."""
    return socket.gethostname()
