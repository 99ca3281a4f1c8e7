"""Calls of the classic API: addresses, headers, forms, and what an HTTP status means (spec 1.1, 1.6, 1.7)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from pilothouse import __version__
from pilothouse.slap import marshal_reader
from pilothouse.slap.client import address
from pilothouse.slap.client.exceptions import ConnectionError as SlapConnectionError
from pilothouse.slap.client.exceptions import HTTPError, NotFoundError, ResourceNotReady, ServerError
from pilothouse.slap.client.exchange import Call, Exchange, Reply
from pilothouse.slap.documents import Value
from pilothouse.slap.markup import MarkupError

if TYPE_CHECKING:
    import ssl

USER_AGENT: Final = f"slapos.core/{__version__} (pilothouse)"
_SERVER_ERRORS: Final = frozenset({500, 502, 503, 520, 523, 524, 526})
_REFUSED: Final = 400
_NOT_FOUND: Final = 404
_NOT_READY: Final = 408
_UNREACHABLE: Final = (
    "Couldn't connect to the server. Please double check given master-url argument, and make sure that IPv6 is "
    "enabled on your machine and that the server is available. The original error was:\n{error}"
)


class ConnectionHelper:
    """The way to one master; `slapgrid_uri` is its address, with a slash at its end.

    The client certificate is shown to https masters only. With ``master_ca_file`` the master must show a
    certificate of that authority; without it, one that the system trusts, unless ``verify`` is False.
    """

    def __init__(
        self,
        slapgrid_uri: str,
        key_file: str | None = None,
        cert_file: str | None = None,
        master_ca_file: str | None = None,
        timeout: float | None = 60,
        *,
        verify: bool | None = None,
    ) -> None:
        self.slapgrid_uri = address.base_url(slapgrid_uri)
        self.key_file = key_file
        self.cert_file = cert_file
        self.master_ca_file = master_ca_file
        self.timeout = timeout
        self.verify = verify
        self._exchange = Exchange(timeout, self._secure)

    def _secure(self) -> "ssl.SSLContext":
        from pilothouse.slap.client import trust  # noqa: PLC0415 - TLS is loaded for https masters only

        return trust.context(self.cert_file, self.key_file, self.master_ca_file, verify=self.verify)

    def GET(
        self, path: str, params: Mapping[str, object] | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """Return the body of an answer; raises SlapException as spec section 1.7 maps the status."""
        url = address.method_url(self.slapgrid_uri, path)
        asked = f"{url}?{urlencode(params)}" if params else url
        reply = self._sent(Call("GET", asked, _headers(headers)))
        return _body(reply, path, f"{url} - {dict(params)}" if params else url)

    def POST(self, path: str, data: Mapping[str, object], headers: Mapping[str, str] | None = None) -> bytes:
        """Send a form and return the body of the answer; a value that is None travels as its text."""
        url = address.method_url(self.slapgrid_uri, path)
        form = {**_headers(headers), "Content-type": "application/x-www-form-urlencoded"}
        return _body(self._sent(Call("POST", url, form, urlencode(data).encode())), path, url)

    def loaded(self, path: str, params: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Value:
        """GET a marshalled value; raises ServerError when the answer is none."""
        return _value(self.GET(path, params, headers), path)

    def posted(self, path: str, data: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Value:
        """POST a form that is answered with a marshalled value; raises ServerError when it is none."""
        return _value(self.POST(path, data, headers), path)

    def fetched(self, url: str, headers: Mapping[str, str]) -> bytes:
        """GET any address, as navigators do."""
        return _body(self._sent(Call("GET", url, _headers(headers))), url, url)

    def close(self) -> None:
        """Close what is open; the next call opens it again."""
        self._exchange.close()

    def _sent(self, call: Call) -> Reply:
        try:
            return self._exchange.send(call)
        except OSError as error:
            raise SlapConnectionError(_UNREACHABLE.format(error=f"{call.url}: {error}")) from error


def _value(body: bytes, path: str) -> Value:
    try:
        return marshal_reader.loads(body)
    except MarkupError as error:
        raise ServerError(f"{path} was answered with something that is no marshalled XML: {error}") from error


def _headers(more: Mapping[str, str] | None) -> dict[str, str]:
    return {"Accept": "*/*", "User-agent": USER_AGENT, **(more or {})}


def _body(reply: Reply, path: str, place: str) -> bytes:
    status = reply.status
    if status < _REFUSED:
        return reply.body
    if status == _NOT_FOUND:
        raise NotFoundError(place)
    if status == _NOT_READY:
        raise ResourceNotReady(path)
    side = "Client" if status < 500 else "Server"  # noqa: PLR2004 - where HTTP draws the line
    message = f"{status} {side} Error: {reply.reason} for url: {reply.url}"
    if status in _SERVER_ERRORS:
        raise ServerError(message)
    raise HTTPError(message, status)
