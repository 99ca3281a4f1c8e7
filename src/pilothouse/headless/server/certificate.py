"""The certificate that a TLS context shows, which logins are bound to (headless 11.3)."""

import ssl

from pilothouse.errors import SettingsError

_STEPS = 8


def presented(context: ssl.SSLContext) -> bytes:
    """Return the certificate in DER, by shaking hands with ourselves in memory. Raises SettingsError."""
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(ours, theirs, server_side=True)
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE  # it is our own, and nothing is sent
    client = trusting.wrap_bio(theirs, ours)
    for _ in range(_STEPS):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                break  # no client certificate: the server's was shown before
        try:
            if found := client.getpeercert(binary_form=True):
                return found
        except ValueError:
            continue
    raise SettingsError("the TLS settings show no certificate")
