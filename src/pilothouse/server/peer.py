"""The HTTP protocol of uvicorn, plus the client's certificate, plus patience with an end.

uvicorn does not put the peer's certificate into the ASGI scope; here it is, as the ASGI extension ``tls`` says. A
connection that sends no request for a while is closed, so that idle ones cannot use up the descriptors.
"""

import asyncio
import ssl
from typing import Any, Final

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable
from uvicorn.protocols.http.h11_impl import H11Protocol

FIRST_REQUEST: Final = 30.0  # seconds until the first request's head must be there


class PeerProtocol(H11Protocol):
    """One connection."""

    _patience: asyncio.TimerHandle | None = None

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
