"""Run an operation's program as another user: the command, and the conversation with sudo or su. No I/O.

The password is sent only when it is asked for, and the program only when the other user's shell says that it is
there, so neither can end up where the other belongs. Watcher and process group then belong to the other user, who
may kill them.
"""

import re
from typing import Final

from pilothouse.errors import TargetError
from pilothouse.jobs.access import Become
from pilothouse.transports.launcher import Program, quote

# what su asks with; sudo asks with a mark of ours
_SU_ASKS: Final = re.compile(rb"(?::|\xef\xbc\x9a)\s*\Z")
_LONGEST: Final = 16384


class Door:
    """The way to another user for one operation; ``is_open`` once the program has been given out."""

    def __init__(self, become: Become, token: str, program: Program) -> None:
        self.is_open = False
        self._become = become
        self._program = program
        self._ready = f"{token} is ready"
        self._asks = f"{token} asks for the password:"
        self._heard = b""
        self._tried = False

    @property
    def command(self) -> str:
        """The command line for a login shell of any kind; it holds no secret."""
        user, script = quote(self._become.user), quote(f"echo {quote(self._ready)} >&2; {self._program.script}")
        if self._become.method == "su":
            change = f"exec su -s /bin/sh -c {script} {user}"
        else:
            change = f"exec sudo -S -H -p {quote(self._asks)} -u {user} -- /bin/sh -c {script}"
        return f"sh -c {quote(change)}"

    def hear(self, data: bytes) -> bytes:
        """Take bytes of the control stream; returns what to send now. Raises TargetError when there is no way in."""
        self._heard = (self._heard + data)[-_LONGEST:]
        if self._ready.encode() in self._heard:
            self.is_open = True
            return self._program.text
        if not self._is_asking():
            return b""
        self._heard = b""
        password = self._become.password.reveal()
        name = f"{self._become.method} to user {self._become.user}"
        if self._tried:
            raise TargetError(f"{name}: the password was refused; check becomePassword")
        if not password:
            raise TargetError(f"{name}: a password is asked for and the node has none; set becomePassword")
        self._tried = True
        return password.encode() + b"\n"

    def _is_asking(self) -> bool:
        if self._become.method == "su":
            return not self._tried and bool(_SU_ASKS.search(self._heard))
        return self._asks.encode() in self._heard
