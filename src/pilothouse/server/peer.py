"""The HTTP protocol of uvicorn, plus the client's certificate, plus patience with an end.

uvicorn does not put the peer's certificate into the ASGI scope; here it is, as the ASGI extension ``tls`` says. A
connection that sends no request for a while is closed, so that idle ones cannot use up the descriptors; one that sends
a head without an end is refused, because the parser would keep all of it.
"""

import asyncio
import ssl
from typing import Any, Final

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

FIRST_REQUEST: Final = 30.0  # seconds until the first request's head must be there
LARGEST_HEAD: Final = 64 * 1024  # bytes; far more than any client of ours sends
_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class PeerProtocol(HttpToolsProtocol):
    """One connection."""

    _patience: asyncio.TimerHandle | None = None
    _head: int | None = 0  # bytes of the head that is being received, None behind its end

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Note who is at the other end."""
        super().connection_made(transport)
        self._patience = self.loop.call_later(FIRST_REQUEST, self._give_up)
        described = _described(transport.get_extra_info("ssl_object"))
        if described is None:
            return
        served = self.app

        async def app(scope: Any, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
            scope["extensions"] = {**scope.get("extensions", {}), "tls": described}
            await served(scope, receive, send)

        self.app = app

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer with the connection."""
        if self._patience is not None:
            self._patience.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; heads have an end."""
        if self._head is not None:
            self._head += len(data)
        super().data_received(data)
        if self._head is not None and self._head > LARGEST_HEAD and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        """Count the bytes of a head."""
        self._head = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Stop counting: what follows is a body."""
        self._head = None
        super().on_headers_complete()

    def _give_up(self) -> None:
        begun: object | None = self.cycle  # None until the first request, whatever its declared type says
        if begun is None and not self.transport.is_closing():
            self.transport.close()


def _described(wire: ssl.SSLObject | None) -> dict[str, Any] | None:
    """Return the extension's value; ``client_cert_chain`` holds certificates that the handshake has verified."""
    if wire is None:
        return None
    der = wire.getpeercert(binary_form=True)
    chain = (ssl.DER_cert_to_PEM_cert(der),) if der else ()
    cipher = wire.cipher()
    return {
        "server_cert": None,
        "client_cert_chain": chain,
        "client_cert_name": None,
        "client_cert_error": None,
        "tls_version": wire.version(),
        "cipher_suite": cipher[0] if cipher else None,
    }
