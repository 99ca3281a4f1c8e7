"""Signed requests between runners and control servers: HMAC-SHA256 over user, address and body (spec section 1.11).

The signature carries no time and no nonce, and the tenant is not part of it: whoever captures a request can
send it again. Use it over TLS.
"""

import base64
import hashlib
import hmac

from pilothouse.jobs.secret import Secret

SCHEME = "Hmac"
AUTH_TYPE = "hmac"


def signature(user: str, key: Secret, address: str, body: bytes = b"") -> str:
    """Return the signature in lower-case hexadecimal digits.

    ``address`` is the path with its query, exactly as sent, from the first ``/`` on. ``body`` is the raw body,
    nothing for GET and for multipart uploads.
    """
    message = f"{user}#{address}#{base64.b64encode(body).decode('ascii')}"
    return hmac.new(key.reveal().encode(), message.encode(), hashlib.sha256).hexdigest()


def headers(tenant: str, user: str, key: Secret, address: str, body: bytes = b"") -> dict[str, str]:
    """Return the headers that every signed request carries."""
    return {
        "Tenant": tenant,
        "AuthType": AUTH_TYPE,
        "x-access-key": user,
        "Authorization": f"{SCHEME} {signature(user, key, address, body)}",
    }


def verify(authorization: str, user: str, key: Secret, address: str, body: bytes = b"") -> bool:
    """Whether an ``Authorization`` header was made with ``key`` for this request; upper-case digits count too."""
    scheme, _, given = authorization.partition(" ")
    # bytes, because a text that is not ASCII must be a wrong signature and no error
    made = given.strip().lower().encode("utf-8", "surrogateescape")
    return scheme == SCHEME and hmac.compare_digest(made, signature(user, key, address, body).encode())
