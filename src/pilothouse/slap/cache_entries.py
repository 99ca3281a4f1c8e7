"""Entries of a network cache: what builders say of a content, and how it is signed (master spec 10.14).

An entry is a JSON text and a signature in base64: RSA with SHA-1 over the text, as every cache and client has it. What
is signed contains the SHA-512 of the content, so nobody gains by a second text with the same SHA-1 but its own builder.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pilothouse.errors import PilothouseError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_CERTIFICATE: Final = "-----BEGIN CERTIFICATE-----"


class UnusableKeyError(PilothouseError):
    """A certificate or a key that entries are verified or signed with cannot be used."""


class Entry(NamedTuple):
    """One builder's word: ``text`` is what was signed, ``value`` what it says, ``signature`` base64 or empty."""

    text: str
    signature: str
    value: dict[str, Any]


def key_of_release(url: str) -> str:
    """Return the key of a release: the MD5 of its URL."""
    return hashlib.md5(url.encode(), usedforsecurity=False).hexdigest()


def certificates_of(listed: str) -> tuple[str, ...]:
    """Return the certificates (PEM) of ``signature-certificate-list``."""
    return tuple(_CERTIFICATE + part for part in listed.split(_CERTIFICATE)[1:])


def read(content: bytes) -> list[Entry]:
    """Return the entries of a key. Raises ValueError for what is no list of them."""
    try:
        return [_entry(pair) for pair in json.loads(content)]
    except TypeError as error:
        raise ValueError(f"no list of texts and signatures: {error}") from None


def written(entry: Entry) -> bytes:
    """Return an entry as it is sent to a cache."""
    return json.dumps([entry.text, entry.signature]).encode()


def verified(entry: Entry, certificates: Sequence[str]) -> bool:
    """Return whether one of the certificates' owners has signed the entry. Raises UnusableKeyError."""
    if not entry.signature or not certificates:
        return False
    try:
        signature = base64.b64decode(entry.signature, validate=True)
    except binascii.Error:
        return False
    return any(_signed(entry.text.encode(), signature, certificate) for certificate in certificates)


def signed(value: Mapping[str, Any], key: bytes) -> Entry:
    """Return an entry signed with a private key (PEM). Raises UnusableKeyError."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415 - it loads slowly
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA1  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        private = load_pem_private_key(key, None)
    except (TypeError, ValueError) as error:
        raise UnusableKeyError(f"it is no private key in PEM without a password: {error}") from None
    if not isinstance(private, RSAPrivateKey):
        raise UnusableKeyError("it is no RSA key, and caches know no other")
    text = json.dumps(value)
    signature = private.sign(text.encode(), PKCS1v15(), SHA1())  # noqa: S303 - the protocol's hash
    return Entry(text, base64.b64encode(signature).decode(), dict(value))


def _entry(pair: Any) -> Entry:
    text, signature = pair
    value = json.loads(text)
    if not isinstance(value, dict):
        raise TypeError("an entry is no object")
    return Entry(text, str(signature or ""), value)


def _signed(text: bytes, signature: bytes, certificate: str) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA1  # noqa: PLC0415

    key = _public_key(certificate)
    try:
        if key is not None:
            key.verify(signature, text, PKCS1v15(), SHA1())  # noqa: S303 - the protocol's hash, nothing else is out there
    except InvalidSignature:
        return False
    return key is not None


def _public_key(certificate: str) -> "RSAPublicKey | None":
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415

    try:
        key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    except ValueError as error:
        raise UnusableKeyError(str(error)) from None
    return key if isinstance(key, RSAPublicKey) else None
