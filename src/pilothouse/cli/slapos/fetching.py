"""Small documents from the web or the disk: bounded in time and size, certificates verified."""

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final
from urllib.parse import unquote, urlencode, urlsplit

from pilothouse.errors import PilothouseError

_TIMEOUT: Final = 20.0
_LARGEST: Final = 16 * 1024 * 1024


class FetchError(PilothouseError):
    """A document cannot be had.

    ``status`` is the server's answer, None when there was none; ``body`` is the beginning of what it said.
    """

    def __init__(self, url: str, reason: str, status: int | None = None, body: str = "") -> None:
        self.url = url
        self.reason = reason
        self.status = status
        self.body = body
        super().__init__(f"{url}: {reason}")


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: what is sent to one server is for nobody else."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage,
        newurl: str,
    ) -> None:  # fmt: skip
        raise FetchError(req.full_url, f"it sends on to {newurl}; if that is right, give that address", code)


def read(location: str) -> bytes:
    """Return the content of a URL (http, https, file) or of a path. Raises OSError for files, FetchError for the web."""
    if location.startswith(("http://", "https://")):
        return fetch(location)
    return Path(unquote(urlsplit(location).path) if location.startswith("file://") else _plain(location)).read_bytes()


def fetch(url: str) -> bytes:
    """Return what a GET answers. Raises FetchError."""
    return _send(urllib.request.build_opener(), urllib.request.Request(url))  # noqa: S310 - the caller's scheme


def post(url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> bytes:
    """Return what a POST of a form answers, without following redirects. Raises FetchError."""
    if not url.startswith(("http://", "https://")):
        raise FetchError(url, "this is no address of a web server; it begins with https://")
    request = urllib.request.Request(url, urlencode(form).encode(), dict(headers), method="POST")  # noqa: S310
    return _send(urllib.request.build_opener(_Stay), request)


def _send(opener: urllib.request.OpenerDirector, request: urllib.request.Request) -> bytes:
    url = request.full_url
    try:
        with opener.open(request, timeout=_TIMEOUT) as answer:
            content: bytes = answer.read(_LARGEST + 1)
    except urllib.error.HTTPError as error:
        with error:
            body = error.read(65536).decode("utf-8", "replace")
        raise FetchError(url, f"the server answers {error.code} {error.reason}", error.code, body) from None
    except urllib.error.URLError as error:
        raise FetchError(url, _reason(error.reason)) from None
    except (OSError, http.client.HTTPException) as error:
        raise FetchError(url, _reason(error)) from None
    if len(content) > _LARGEST:
        raise FetchError(url, f"the answer is larger than {_LARGEST} bytes")
    return content


def _reason(error: object) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate cannot be trusted ({error.verify_message}); "
            "to trust your own authority, name its file in the variable SSL_CERT_FILE"
        )
    if isinstance(error, ConnectionRefusedError):
        return "nothing answers there (connection refused)"
    return f"no answer ({error or type(error).__name__})"


def _plain(location: str) -> str:
    return location.removeprefix("file:")
