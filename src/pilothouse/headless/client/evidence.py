"""By what the client proves who it is (spec section 11.5)."""

import os
from typing import Final

from pilothouse.headless.client.scram import PLAIN, PLUS
from pilothouse.headless.client.stop import ParameterError, TrustError

CERT: Final = "CERT"
PEER: Final = "PEER"
_MISSING: Final = "-p SECRET_FILE is required for auth_type osuser with this server"


def choose_mechanism(
    auth: str, offered: frozenset[str], *, secret: bool, certificate: bool, tls: bool, loopback: bool
) -> str:
    """Return the login mechanism: SCRAM with a secret file, else a certificate over TLS, else the kernel's word.

    Raises ParameterError when an osuser has none of them, TrustError when the server does not offer what is needed:
    over TLS never SCRAM without the binding to the certificate.
    """
    if secret or auth == "challenge":
        wanted = PLUS if tls else PLAIN
        if wanted not in offered:
            raise TrustError(f"the server does not offer {wanted} on this connection")
        return wanted
    if certificate and tls and CERT in offered:
        return CERT
    if loopback and os.name == "posix" and PEER in offered:
        return PEER
    raise ParameterError(_MISSING)


def check_evidence(auth: str, *, secret: bool, certificate: bool, loopback: bool) -> None:
    """Raise ParameterError when no server at that place could believe the client; asked before it connects."""
    if auth == "osuser" and not (secret or certificate or loopback):
        raise ParameterError(_MISSING)
