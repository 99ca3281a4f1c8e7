"""``fileops/httpget``, ``httpput``, ``ftpget`` and ``ftpput`` (spec section 8.6, 9 to 12)."""

import argparse
from pathlib import Path
from typing import Protocol

from pilothouse.tools import program
from pilothouse.tools.copying.entries import checked, names
from pilothouse.tools.passwords import add_password, password
from pilothouse.tools.web import exchange, ftp
from pilothouse.tools.web.exchange import Login

_DAY = 86400.0


class Fetch(Protocol):
    """Fetches a file into a folder; returns its path, and whether it was carried."""

    def __call__(self, url: str, folder: Path, login: Login, /, *, mirror: bool, seconds: float) -> tuple[Path, bool]:
        """Fetch. Raises UsageError, ToolError, OSError."""
        ...


class Send(Protocol):
    """Sends a file; returns what the server says."""

    def __call__(self, url: str, path: Path, login: Login, /, *, seconds: float) -> str:
        """Send. Raises UsageError, ToolError, OSError."""
        ...


def get() -> int:
    """Fetch a file from a web server."""
    return _get("Fetch a file from a web server.", exchange.fetch)


def put() -> int:
    """Send files to a web server."""
    return _put("Send files to a web server.", exchange.send)


def ftp_get() -> int:
    """Fetch a file from an FTP server."""
    return _get("Fetch a file from an FTP server.", ftp.fetch)


def ftp_put() -> int:
    """Send files to an FTP server."""
    return _put("Send files to an FTP server.", ftp.send)


def _get(text: str, fetch: Fetch) -> int:
    """Fetch a file, and hand back its path."""
    add = _parser(text)
    add.add_argument("--dir", default=".")
    program.switch(add, "--mirror", "leave a file alone that is as new as the server's")
    chosen = add.parse_args()
    folder = program.work_path() / Path(checked(chosen.dir)).expanduser()
    path, carried = fetch(chosen.addr, folder, _login(chosen), mirror=chosen.mirror, seconds=chosen.timeout)
    program.say("FINE", f"{path} {'is there' if carried else 'is as new as that of the server'}")
    program.save({"filePath": str(path)})
    return 0


def _put(text: str, send: Send) -> int:
    """Send files, and hand back what the server says."""
    add = _parser(text)
    add.add_argument("--file", required=True)
    chosen = add.parse_args()
    said = []
    for name in names(chosen.file):
        said.append(send(chosen.addr, program.work_path() / name, _login(chosen), seconds=chosen.timeout))
        program.say("FINE", f"{name} was sent")
    program.save({"uploadResponse": "\n".join(said)})
    return 0


def _parser(text: str) -> argparse.ArgumentParser:
    add = program.parser(text)
    add.add_argument("--addr", required=True)
    add.add_argument("--username", default="")
    add_password(add)
    add.add_argument("--timeout", type=float, default=_DAY)
    return add


def _login(chosen: argparse.Namespace) -> Login:
    return Login(chosen.username, password(chosen))
