"""Changes to the machine itself, by its own programs; a dry run only says what it would do."""

import logging
import os
import shlex
import subprocess
from pathlib import Path
from typing import Final

from pilothouse.node.errors import NodeError

_log = logging.getLogger("slapos")
_SHELL: Final = "/bin/sh"


class System:
    """Carries out what formatting asks for."""

    def __init__(self, *, dry: bool = False) -> None:
        self.dry = dry

    def run(self, *words: str, tolerant: bool = False) -> bool:
        """Run a program; returns whether it succeeded. Raises NodeError unless ``tolerant``."""
        _log.debug("Calling: %s", shlex.join(words))
        if self.dry:
            return True
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        if done.returncode:
            text = f"{shlex.join(words)}: {done.stdout.decode('utf-8', 'replace').strip()}"
            if not tolerant:
                raise NodeError(text)
            _log.warning("%s", text)
        return not done.returncode

    def folder(self, path: Path, mode: int) -> None:
        """Make a directory and its parents, or set its permissions."""
        _log.debug("Directory %s, %o", path, mode)
        if not self.dry:
            if not path.is_dir():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.mkdir(mode=mode)
            path.chmod(mode)

    def give(self, path: Path, user: str) -> None:
        """Give a path to an account and its group. Raises NodeError when there is no such account."""
        import pwd  # noqa: PLC0415

        _log.debug("Owner of %s: %s", path, user)
        if self.dry:
            return
        try:
            entry = pwd.getpwnam(user)
        except KeyError:
            raise NodeError(f"There is no account {user!r}, which shall own {path}; see the lines above") from None
        os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)


def account(system: System, name: str, home: str, group: str | None) -> None:
    """Make or change a locked system account (section 6.6). Raises NodeError."""
    import grp  # noqa: PLC0415
    import pwd  # noqa: PLC0415

    try:
        grp.getgrnam(name)
    except KeyError:
        system.run("groupadd", name)
    common = ("-d", home, "-g", name, "-s", _SHELL)
    try:
        former = pwd.getpwnam(name).pw_dir
    except KeyError:
        system.run("useradd", *common, "-r", *(("-G", group) if group else ()), name, tolerant=True)
    else:
        if not _is_so(name, home, group):
            if former != home and Path(former).is_dir():
                _log.warning(
                    "The account %s had its home at %s, which is there still; it becomes %s. Two nodes of one machine "
                    "must not share accounts: give one of them another user_base_name and software_user",
                    name,
                    former,
                    home,
                )
            system.run("usermod", *common, *(("-aG", group) if group else ()), name, tolerant=True)
    system.run("passwd", "-l", name)


def _is_so(name: str, home: str, group: str | None) -> bool:
    import grp  # noqa: PLC0415
    import pwd  # noqa: PLC0415

    entry = pwd.getpwnam(name)
    try:
        member = group is None or name in grp.getgrnam(group).gr_mem
        return (
            entry.pw_dir == home and entry.pw_shell == _SHELL and grp.getgrgid(entry.pw_gid).gr_name == name and member
        )
    except KeyError:
        return False
