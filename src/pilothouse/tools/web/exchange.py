"""One request to a web server, with a person's errors; files are streamed and take their places whole."""

import base64
import email.utils
import os
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.client import HTTPMessage, HTTPResponse
from pathlib import Path
from typing import Any, Final

import msgspec

from pilothouse.errors import UsageError
from pilothouse.jobs.secret import Secret
from pilothouse.tools.program import ToolError

_NOT_MODIFIED: Final = 304
_SHOWN: Final = 500


class Login(msgspec.Struct, frozen=True):
    """Who asks, for Basic authentication; nobody without a user."""

    user: str = ""
    password: Secret = Secret()


class _Faithful(urllib.request.HTTPRedirectHandler):
    """Takes no login along to another server."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        followed = super().redirect_request(req, fp, code, msg, headers, newurl)
        if followed is not None and urllib.parse.urlsplit(newurl).netloc != urllib.parse.urlsplit(req.full_url).netloc:
            followed.remove_header("Authorization")
        return followed


def fetch(url: str, folder: Path, login: Login, *, mirror: bool, seconds: float) -> tuple[Path, bool]:
    """Fetch a file into a folder; returns its path, and whether it was carried.

    With ``mirror`` a file that is there and no older than the server's is left alone, and the server's time is
    kept. Raises UsageError, ToolError, OSError.
    """
    headers = {}
    expected = folder / file_name(url, "")
    if mirror and expected.is_file():
        headers["If-Modified-Since"] = email.utils.formatdate(expected.stat().st_mtime, usegmt=True)
    with _answer(_request(url, login, headers), seconds) as answer:
        if answer is None:
            return expected, False
        target = folder / file_name(url, answer.headers.get("Content-Disposition", ""))
        folder.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name[:200]}.part-{os.getpid()}")
        try:
            with part.open("wb") as stream:
                shutil.copyfileobj(answer, stream)
            _check_length(part, answer)
            modified = email.utils.parsedate_tz(answer.headers.get("Last-Modified", ""))
            if mirror and modified:
                moment = email.utils.mktime_tz(modified)
                os.utime(part, (moment, moment))
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    return target, True


def send(url: str, path: Path, login: Login, *, seconds: float) -> str:
    """Send a file by PUT, into the folder when the address ends in /; returns what the server says."""
    address = urllib.parse.urljoin(url, urllib.parse.quote(path.name)) if url.endswith("/") else url
    headers = {"Content-Length": str(path.stat().st_size), "Content-Type": "application/octet-stream"}
    with path.open("rb") as stream:
        request = _request(address, login, headers, method="PUT", data=stream)
        with _answer(request, seconds) as answer:
            return answer.read().decode("utf-8", "replace") if answer else ""


def file_name(url: str, disposition: str) -> str:
    """Return the name of the file: as the server says, else the last part of the address. Raises UsageError."""
    message = Message()
    message["Content-Disposition"] = disposition
    told = message.get_filename() if disposition else None
    name = (told or urllib.parse.unquote(urllib.parse.urlsplit(url).path)).replace("\\", "/").rpartition("/")[2]
    if name in {"", ".", ".."} or "\0" in name:
        raise UsageError(f"{url}: names no file")
    return name


def _request(
    url: str, login: Login, headers: dict[str, str], method: str = "GET", data: Any = None
) -> urllib.request.Request:
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{url!r} is no web address; allowed: http://..., https://...")
    if login.user:
        pair = f"{login.user}:{login.password.reveal()}".encode()
        headers = {**headers, "Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - checked above


@contextmanager
def _answer(request: urllib.request.Request, seconds: float) -> Iterator[HTTPResponse | None]:
    """Yield the answer; None when the server says that nothing has changed. Raises ToolError."""
    try:
        with urllib.request.build_opener(_Faithful).open(request, timeout=seconds) as answer:
            yield answer
    except urllib.error.HTTPError as refusal:
        with refusal:
            if refusal.code == _NOT_MODIFIED:
                yield None
                return
            said = refusal.read(_SHOWN).decode("utf-8", "replace").strip()
        raise ToolError(f"{request.full_url} answers with status {refusal.code} {refusal.reason}: {said}") from None
    except urllib.error.URLError as error:
        raise ToolError(f"{request.full_url} does not answer: {error.reason}") from None


def _check_length(part: Path, answer: HTTPResponse) -> None:
    length = answer.headers.get("Content-Length")
    if length and int(length) != part.stat().st_size:
        raise ToolError(f"{answer.url}: {part.stat().st_size} of {length} bytes arrived")
