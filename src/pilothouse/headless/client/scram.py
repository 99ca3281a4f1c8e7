"""SCRAM-SHA-256(-PLUS) as the client plays it, with the bcrypt string as the password (spec sections 11.1 to 11.3)."""

import base64
import os
import re
from typing import TYPE_CHECKING, Final

from pilothouse.headless import limits
from pilothouse.headless.client.lean import load_scramp
from pilothouse.headless.client.stop import TrustError

if TYPE_CHECKING:
    import socket

PLAIN: Final = "SCRAM-SHA-256"
PLUS: Final = "SCRAM-SHA-256-PLUS"
_NONCE_BYTES: Final = 24
_ITERATIONS: Final = re.compile(r",i=([0-9]{1,9})(,|$)")


class Exchange:
    """One login. The secret comes after the first message, for at enrolment it depends on the server's answer."""

    def __init__(self, name: str, nonce: str | None = None, channel: "socket.socket | None" = None) -> None:
        """Begin as user ``name``; with ``channel``, a TLS socket, the login is bound to its certificate."""
        self._library = load_scramp()
        self._name = name
        self._nonce = nonce or base64.b64encode(os.urandom(_NONCE_BYTES)).decode("ascii")
        self._channel = ("tls-server-end-point", channel) if channel is not None else None
        self._mechanism = PLUS if channel is not None else PLAIN
        # the library wants a password before it says the first message, in which there is nothing of it
        self._client = self._begun("-")

    @property
    def first(self) -> str:
        """The first message."""
        return self._first

    def answer(self, server_first: str, secret: str) -> str:
        """Return the final message; raises TrustError for a server whose first message cannot be answered safely."""
        found = _ITERATIONS.search(server_first)
        if not found or not limits.ITERATIONS_LEAST <= int(found[1]) <= limits.ITERATIONS_MOST:
            raise TrustError("the server asks for a number of SCRAM iterations that is not allowed")
        self._client = self._begun(secret)
        try:
            self._client.set_server_first(server_first)
            return str(self._client.get_client_final())
        except self._library.ScramException as error:
            raise TrustError(f"the server's first SCRAM message is wrong: {error}") from error

    def verify(self, server_final: str) -> None:
        """Raise TrustError unless the server has proven that it knows the user."""
        try:
            self._client.set_server_final(server_final)
        except self._library.ScramException as error:
            raise TrustError("the server could not prove that it knows this user; it may be a false one") from error

    def _begun(self, password: str):  # type: ignore[no-untyped-def]
        client = self._library.ScramClient([self._mechanism], self._name, password, self._channel, self._nonce)
        self._first = str(client.get_client_first())
        return client
