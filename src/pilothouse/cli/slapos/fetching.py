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
    """Return the content of a URL (http, https, file) or of a path. Raises OSError for files, FetchError for a URL."""
    if location.startswith(("http://", "https://")):
        return fetch(location)
    return Path(unquote(urlsplit(location).path) if location.startswith("file://") else _plain(location)).read_bytes()


def fetch(url: str) -> bytes:
    """Return what a GET answers. Raises FetchError."""
    return _send(url, _request(url))


def ask(url: str, headers: Mapping[str, str], form: Mapping[str, str] | None = None) -> bytes:
    """Return what a GET, or the POST of a form, with secret headers answers; no redirect is followed.

    Raises FetchError.
    """
    data = None if form is None else urlencode(form).encode()
    return _send(url, _request(url, data, dict(headers)), _Stay())


def _request(url: str, data: bytes | None = None, headers: Mapping[str, str] | None = None) -> urllib.request.Request:
    if not url.startswith(("http://", "https://")):
        raise FetchError(url, "this is no address of a web server; it begins with https://")
    return urllib.request.Request(url, data, dict(headers or {}))  # noqa: S310 - the scheme was looked at


def _opener(url: str, *handlers: urllib.request.BaseHandler) -> urllib.request.OpenerDirector:
    if url.startswith("https:"):
        from pilothouse.slap.client import trust  # loads the whole library, which plain HTTP does not need

        context = trust.context(None, None, None, verify=None)
        handlers = (*handlers, urllib.request.HTTPSHandler(context=context))
    return urllib.request.build_opener(*handlers)


def _send(url: str, request: urllib.request.Request, *handlers: urllib.request.BaseHandler) -> bytes:
    try:
        with _opener(url, *handlers).open(request, timeout=_TIMEOUT) as answer:
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
            f"to trust your own authority, name its file in SSL_CERT_FILE; SLAPOS_MASTER_VERIFY=no trusts anybody"
        )
    if isinstance(error, ConnectionRefusedError):
        return "nothing answers there (connection refused)"
    return f"no answer ({error or type(error).__name__})"


def _plain(location: str) -> str:
    return location.removeprefix("file:")
