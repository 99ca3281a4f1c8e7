"""The site's key and what it opens: envelopes and the legacy texts alike."""

from pilothouse.jobs.secret import Secret
from pilothouse.secrets import envelope, legacy


class Vault:
    """Opens and seals secrets under a site's key.

    ``password_key`` is the setting of that name (plain, ``{ENCRYPTED}`` under the master key, or empty for the
    stock key); ``key`` is the content of a key file and, when given, is used for envelopes in its place.
    """

    def __init__(self, password_key: str = "", *, key: bytes | None = None) -> None:
        self._password_key = legacy.open_password_key(password_key)
        self._key = key

    def open(self, secret: Secret) -> str:
        """Return the plain text of an envelope, a legacy text or a plain text. Raises SecretError."""
        if envelope.is_envelope(secret.reveal()):
            return envelope.open_envelope(secret.reveal(), self._envelope_key())
        return legacy.open_secret(secret, self._password_key)

    def open_option(self, text: str) -> str:
        """Return the plain text of a job option's value; only ``{AESGCM}`` and genuine ``{RC4}`` texts are opened."""
        if envelope.is_envelope(text):
            return envelope.open_envelope(text, self._envelope_key())
        return legacy.open_option(text, self._password_key)

    def seal(self, text: str) -> str:
        """Return ``text`` as a new envelope."""
        return envelope.seal(text, self._envelope_key())

    def _envelope_key(self) -> bytes:
        return self._key if self._key is not None else envelope.derive_key(self._password_key)
