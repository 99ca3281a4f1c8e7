"""The hosts file of ``sshcmd``: who to reach, line by line (spec section 10.4). Pure.

A line is ``host[:port] user password``, ``host[:port] password`` or ``host[:port]``; what it leaves out comes
from the command line. Blank lines and lines that begin with ``#`` do not count.
"""

import re
from typing import Final

import msgspec

from pilothouse.errors import DocumentError, Problem
from pilothouse.jobs.secret import Secret

FORMS: Final = "host[:port] user password, host[:port] password, or host[:port]"
_MOST: Final = 3
_HIGHEST_PORT: Final = 65535
_PORT: Final = re.compile(r"[0-9]{1,5}")


class Host(msgspec.Struct, frozen=True):
    """A machine as a line names it; None is for what the line leaves out."""

    host: str
    port: int | None = None
    user: str | None = None
    password: Secret | None = None


def parse(text: str, source: str) -> list[Host]:
    """Return the hosts in the order of their lines, exact repetitions once.

    Raises DocumentError with the number of every line that cannot be used; no line's content but its host is
    shown, because the rest may be a password.
    """
    problems: list[Problem] = []
    found: dict[Host, None] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        fields = line.split()
        if fields and not fields[0].startswith("#"):
            host = _host(fields, f"line {number}", problems)
            if host is not None:
                found[host] = None
    if not found and not problems:
        problems.append(Problem("file", "no host", f"a line for each host: {FORMS}"))
    if problems:
        raise DocumentError(source, problems)
    return list(found)


def _host(fields: list[str], place: str, problems: list[Problem]) -> Host | None:
    if len(fields) > _MOST:
        problems.append(Problem(place, f"{len(fields)} words", f"{FORMS}; a password in this file has no blanks"))
        return None
    address = split_address(fields[0])
    if isinstance(address, str):
        problems.append(Problem(place, address, "a host name or address, [IPv6], and a port from 1 to 65535"))
        return None
    name, port = address
    user = fields[1] if len(fields) == _MOST else None
    password = Secret(fields[-1]) if len(fields) > 1 else None
    return Host(name, port, user, password)


def split_address(text: str) -> tuple[str, int | None] | str:
    """Return host and port of ``host``, ``host:port``, ``[IPv6]:port`` or a bare IPv6 address, else what is wrong."""
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            return "an address whose [ ] cannot be understood"
        port = rest[1:] if rest else None
    elif text.count(":") > 1:
        host, port = text, None
    else:
        host, colon, after = text.partition(":")
        port = after if colon else None
    if not _is_host(host):
        return "no host name or address"
    if port is None:
        return host, None
    if not _PORT.fullmatch(port) or not 0 < int(port) <= _HIGHEST_PORT:
        return f"host {host} with a port that is none"
    return host, int(port)


def _is_host(text: str) -> bool:
    return bool(text) and text[0] not in "-." and all(c.isalnum() or c in "-._:%" for c in text)
