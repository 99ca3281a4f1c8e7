"""Files fetched from and sent to FTP servers; files are streamed and take their places whole."""

import ftplib
import os
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from pilothouse.errors import UsageError
from pilothouse.tools.program import ToolError
from pilothouse.tools.web.exchange import Login, file_name

_PORT: Final = 21
_MODIFIED: Final = "213 "
_ANONYMOUS: Final = "anonymous"


class Place(msgspec.Struct, frozen=True):
    """A file or folder of an FTP server; ``path`` starts at the login's folder."""

    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        """The place as errors name it."""
        return f"ftp://{self.host}:{self.port}/{self.path}"


def place(address: str) -> Place:
    """Return the place that an address names. Raises UsageError."""
    try:
        parts = urllib.parse.urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{address!r} is no FTP address: {error}") from None
    if parts.scheme != "ftp" or not parts.hostname:
        raise UsageError(f"{address!r} is no FTP address; allowed: ftp://host[:port]/path")
    if parts.username or parts.password:
        raise UsageError("the FTP address holds a login; use --username and --password-file")
    path = urllib.parse.unquote(parts.path).removeprefix("/")
    if any(letter in path for letter in "\r\n\0"):
        raise UsageError(f"{address!r}: a path with a line end or a NUL names no file")
    return Place(parts.hostname, port or _PORT, path)


def fetch(address: str, folder: Path, login: Login, *, mirror: bool, seconds: float) -> tuple[Path, bool]:
    """Fetch a file into a folder; returns its path, and whether it was carried.

    With ``mirror`` a file that is there, as long as the server's and no older, is left alone, and the server's
    time is kept. Raises UsageError, ToolError, OSError.
    """
    source = place(address)
    target = folder / file_name(address, "")
    with _session(source, login, seconds) as server:
        moment = _modified(server, source.path) if mirror else None
        length = server.size(source.path)
        if moment is not None and _is_current(target, moment, length):
            return target, False
        folder.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name[:200]}.part-{os.getpid()}")
        try:
            with part.open("wb") as stream:
                server.retrbinary(f"RETR {source.path}", stream.write)
            if length is not None and part.stat().st_size != length:
                raise ToolError(f"{source.url}: {part.stat().st_size} of {length} bytes arrived")
            if moment is not None:
                os.utime(part, (moment, moment))
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    return target, True


def send(address: str, path: Path, login: Login, *, seconds: float) -> str:
    """Send a file, into the folder when the address ends in /; returns what the server says.

    The file arrives under a hidden name and takes its place when it is whole. Raises UsageError, ToolError, OSError.
    """
    target = place(address)
    name = target.path + path.name if not target.path or target.path.endswith("/") else target.path
    folder, slash, last = name.rpartition("/")
    part = f"{folder}{slash}.{last[:200]}.part-{os.getpid()}"
    with path.open("rb") as stream, _session(target, login, seconds) as server:
        try:
            server.storbinary(f"STOR {part}", stream)
            return server.rename(part, name)
        except BaseException:
            with suppress(*ftplib.all_errors):
                server.delete(part)
            raise


@contextmanager
def _session(at: Place, login: Login, seconds: float) -> Iterator[ftplib.FTP]:
    """Log in, in binary mode. Raises ToolError, also for what goes wrong inside."""
    try:
        with ftplib.FTP(timeout=seconds) as server:  # noqa: S321 - the tool is there for FTP
            server.connect(at.host, at.port)
            server.login(login.user or _ANONYMOUS, login.password.reveal())
            server.voidcmd("TYPE I")
            yield server
    except (ftplib.Error, EOFError) as error:
        raise ToolError(f"{at.url}: {error or 'the server ended the connection'}") from None
    except OSError as error:
        # one of a file of this machine says which
        raise error if error.filename else ToolError(f"{at.url} does not answer: {error}") from None


def _modified(server: ftplib.FTP, path: str) -> float | None:
    """Return when the file was changed; None for servers that cannot tell."""
    try:
        answer = server.sendcmd(f"MDTM {path}")
        text = answer.removeprefix(_MODIFIED)[:14]
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()
    except (ftplib.error_perm, ValueError):
        return None


def _is_current(path: Path, moment: float, length: int | None) -> bool:
    if not path.is_file():
        return False
    status = path.stat()
    return status.st_mtime >= moment and (length is None or status.st_size == length)
