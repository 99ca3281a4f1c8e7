"""Whose rights a program gets: those of the owner of its directory (node spec, sections 9.8.2 and 2.4.3)."""

import os
from pathlib import Path
from typing import NamedTuple

from pilothouse.node.errors import NodeError


class Identity(NamedTuple):
    """A user's ids and home; ``drops`` says whether programs must change to it before they begin."""

    uid: int
    gid: int
    home: str
    name: str
    groups: tuple[int, ...] = ()
    drops: bool = False


def owner_of(path: Path) -> Identity:
    """Return the owner of a directory. Raises NodeError when programs would have to run as root.

    An ordinary user runs everything as itself.
    """
    status = path.stat()
    account = account_of(status.st_uid)
    if os.geteuid() != 0:
        return Identity(status.st_uid, status.st_gid, account.home, account.name)
    if status.st_uid == 0 or status.st_gid == 0:
        raise NodeError(
            f"Dropping privileges to uid = {status.st_uid} or gid = {status.st_gid} is too dangerous: "
            f"give {path} to an ordinary user and group"
        )
    return account._replace(uid=status.st_uid, gid=status.st_gid, drops=True)


def account_of(uid: int) -> Identity:
    """Return what the account database says; an unknown id has a home that is nobody's."""
    import pwd  # noqa: PLC0415 - not needed by a pass with nothing to do

    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Identity(uid, uid, "/", str(uid))
    groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid)) if os.geteuid() == 0 else ()
    return Identity(uid, entry.pw_gid, entry.pw_dir, entry.pw_name, groups)


def give(path: Path, who: Identity) -> None:
    """Give a path to its user; an ordinary user owns what it makes anyway."""
    if os.geteuid() == 0:
        os.chown(path, who.uid, who.gid, follow_symlinks=False)
