"""Somebody who builds releases for others: a key, its certificate, signed entries of a network cache."""

import base64
import datetime as dt
import json
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


class Builder:
    """Somebody who puts signed entries into a cache."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "builder")])
        now = dt.datetime.now(dt.UTC)
        signed = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(1)
            .not_valid_before(now)
            .not_valid_after(now + dt.timedelta(days=1))
            .sign(self._key, hashes.SHA256())
        )
        self.certificate = signed.public_bytes(Encoding.PEM).decode()

    def entry(self, *, signed: bool = True, **value: object) -> tuple[str, str]:
        text = json.dumps(value)
        if not signed:
            return text, ""
        return text, base64.b64encode(self._key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA1())).decode()

    @property
    def key(self) -> bytes:
        """The private key in PEM."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())

    def key_file(self, folder: Path) -> Path:
        """Write the private key as a node has it."""
        path = folder / "signature.key"
        path.write_bytes(self.key)
        path.chmod(0o600)
        return path

    @property
    def listed(self) -> str:
        """The certificate as a configuration file lists it."""
        return "".join(f"\n  {line}" for line in self.certificate.strip().splitlines())
