"""Asking for the password, once, at the first use of a secret file (spec section 5.4)."""

import os
import sys

from pilothouse.headless.client.stop import ParameterError


def ask_password(user: str, path: str, *, from_stdin: bool) -> str:
    """Return what is typed on the terminal, or where there is none and ``from_stdin`` allows it, stdin's first line.

    Raises ParameterError at once, and reads nothing, when there is nobody to ask.
    """
    if _has_terminal():
        import getpass  # once in the life of a secret file

        try:
            return getpass.getpass(f"PLANTA password for user {user}: ")
        except EOFError:
            raise ParameterError("no password was typed") from None
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    raise ParameterError(
        f"secret file {path} does not exist and there is no terminal to ask on; run once interactively"
    )


def _has_terminal() -> bool:
    if os.name != "posix":
        return sys.stdin is not None and sys.stdin.isatty()
    # getpass would fall back to stdin, which hangs or swallows data under cron
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
