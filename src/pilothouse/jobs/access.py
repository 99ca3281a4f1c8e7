"""How a node wants to be reached and worked on, beyond address and login: jump hosts, character set, other user."""

import re
from collections.abc import Callable
from typing import Final

import msgspec

from pilothouse.jobs.fields import Fields
from pilothouse.jobs.secret import Secret

METHODS: Final = ("sudo", "su")
# a name that no shell and no option parser takes for anything else
_USER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?\Z")
_HOP: Final = re.compile(
    r"(?:(?P<user>[^@\s,/-][^@\s,/]*)@)?(?P<host>\[[0-9A-Fa-f:.%]+\]|[^@\s,/:\[\]-][^@\s,/:\[\]]*)(?::(?P<port>\d{1,5}))?\Z"
)
_HIGHEST_PORT: Final = 65535


class Become(msgspec.Struct, frozen=True, kw_only=True):
    """The user as whom operations run after the login, and how to become it."""

    user: str
    method: str = "sudo"
    password: Secret = Secret()


class Hop(msgspec.Struct, frozen=True):
    """One jump host; ``user`` is empty and ``port`` 0 where nothing was said."""

    host: str
    user: str = ""
    port: int = 0


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Further fields of a node; ``hops`` is None where the setting ``proxy_jump`` decides."""

    charset: str = ""
    hops: tuple[Hop, ...] | None = None
    become: Become | None = None

    def opened(self, open_secret: Callable[[Secret], str]) -> "Access":
        """Return the same with the password in plain text."""
        if self.become is None:
            return self
        become = msgspec.structs.replace(self.become, password=Secret(open_secret(self.become.password)))
        return msgspec.structs.replace(self, become=become)


def read_access(read: Fields) -> Access:
    """Read the fields ``charset``, ``proxyJump``, ``becomeUser``, ``becomeMethod`` and ``becomePassword``."""
    charset = read.text("charset", check=lambda text: not text or is_charset(text), allowed="a character set, as GBK")
    jump = read.text("proxyJump")
    found = hops(jump) if jump else None
    if jump and found is None:
        read.fault("proxyJump", f'"{jump}"', "[user@]host[:port], several with commas between, or none")
    return Access(charset=charset, hops=found, become=_become(read))


def hops(text: str) -> tuple[Hop, ...] | None:
    """Read jump hosts as OpenSSH writes them, the first one first; None when the text cannot be read."""
    if text.strip() in {"", "none"}:
        return ()
    found = []
    for word in text.split(","):
        match = _HOP.match(word.strip())
        if match is None or int(match["port"] or 0) > _HIGHEST_PORT:
            return None
        found.append(Hop(match["host"].strip("[]"), match["user"] or "", int(match["port"] or 0)))
    return tuple(found)


def is_charset(name: str) -> bool:
    """Say whether texts can be decoded by this name."""
    try:
        # lines are found by their ends, so these must be what they are in ASCII
        return b"-\n".decode(name) == "-\n"
    except (LookupError, ValueError, TypeError):
        return False


def _become(read: Fields) -> Become | None:
    user = read.text("becomeUser", check=lambda text: not text or bool(_USER.match(text)), allowed="a user's name")
    method = read.word("becomeMethod", METHODS, METHODS[0])
    password = read.text("becomePassword", secret=True)
    if "\n" in password or "\0" in password:
        read.fault("becomePassword", "a line end or NUL in it", "one line")
        return None
    if not user:
        if password:
            read.fault("becomeUser", "missing", "the user whom becomePassword is for")
        return None
    return Become(user=user, method=method, password=Secret(password))
