"""Accounts of this machine, and which of them sits at the other end of a connection (headless 11.5)."""

import os
import pwd
import socket
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pilothouse.errors import SettingsError
from pilothouse.headless.shim.layout import Account

_CREDENTIALS: Final = struct.Struct("3i")
_ESTABLISHED: Final = "01"
_TABLES: Final = {socket.AF_INET: "/proc/net/tcp", socket.AF_INET6: "/proc/net/tcp6"}


def account_of(name: str) -> Account:
    """Return the account that jobs run under. Raises SettingsError when there is none, or when we may not become it.

    A server that is not root runs all jobs as itself.
    """
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise SettingsError(f"there is no account {name!r} on this machine") from None
    ours = os.geteuid()
    if found.pw_uid == ours:
        return Account(name=name, uid=None, gid=found.pw_gid, groups=[], home=found.pw_dir)
    if ours != 0:
        raise SettingsError(f"jobs cannot run as {name!r}: only a server that runs as root can change accounts")
    groups = os.getgrouplist(name, found.pw_gid)
    return Account(name=name, uid=found.pw_uid, gid=found.pw_gid, groups=groups, home=found.pw_dir)


def peer_account(connection: socket.socket) -> str | None:
    """Return the account at the other end, None when the kernel does not say; it is never asked of the client."""
    uid = _unix_peer(connection) if connection.family == socket.AF_UNIX else _tcp_peer(connection)
    if uid is None:
        return None
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def owner_in(table: str, client: tuple[str, int], server: tuple[str, int], family: int) -> int | None:
    """Return the owner of the socket with exactly these ends in the kernel's table."""
    wanted = [_written(client, family), _written(server, family), _ESTABLISHED]
    for line in table.splitlines()[1:]:
        fields = line.split()
        if fields[1:4] == wanted:
            return int(fields[7])
    return None


def names_of_host() -> Sequence[str]:
    """Return what this machine may be called in a mapping."""
    name = socket.gethostname()
    return tuple(dict.fromkeys((name, name.partition(".")[0], "localhost")))


def _unix_peer(connection: socket.socket) -> int | None:
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(raw)[1])


def _tcp_peer(connection: socket.socket) -> int | None:
    family = connection.family
    client, server = connection.getpeername()[:2], connection.getsockname()[:2]
    try:
        table = Path(_TABLES[socket.AddressFamily(family)]).read_text("ascii")
    except (OSError, KeyError):
        return None
    return owner_in(table, client, server, family)


def _written(end: tuple[str, int], family: int) -> str:
    """Return an address as the kernel's table has it: words of four bytes, each in the machine's order."""
    packed = socket.inet_pton(family, end[0])
    words = (struct.unpack("=I", packed[at : at + 4])[0] for at in range(0, len(packed), 4))
    return f"{''.join(f'{word:08X}' for word in words)}:{end[1]:04X}"
