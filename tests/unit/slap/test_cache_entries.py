"""Entries of a network cache: read, signed, verified (master spec 10.14)."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from tests.cachebuilder import Builder

from pilothouse.slap import cache_entries
from pilothouse.slap.cache_entries import Entry, UnusableKeyError


@pytest.fixture(scope="module")
def builder() -> Builder:
    return Builder()


def test_what_is_signed_is_verified_and_survives_its_way(builder: Builder) -> None:
    entry = cache_entries.signed({"sha512": "a", "os": ["debian", "12", "bookworm"]}, builder.key)
    stored = b"[" + cache_entries.written(entry) + b"]"
    assert cache_entries.read(stored) == [entry]
    others = (Builder().certificate, builder.certificate)
    assert cache_entries.verified(entry, others)
    assert not cache_entries.verified(entry, others[:1])
    assert not cache_entries.verified(entry, ())
    assert not cache_entries.verified(entry._replace(text=entry.text.replace("a", "b")), others)


@pytest.mark.parametrize("signature", ["", "no base64", "AAAA"])
def test_no_signature_is_never_verified(builder: Builder, signature: str) -> None:
    assert not cache_entries.verified(Entry("{}", signature, {}), (builder.certificate,))


def test_certificates_and_keys_that_cannot_be_used_are_named(builder: Builder) -> None:
    entry = cache_entries.signed({}, builder.key)
    with pytest.raises(UnusableKeyError):
        cache_entries.verified(entry, ("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----",))
    sealed = rsa.generate_private_key(65537, 2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    )
    curve = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for key, text in ((b"no key", "no private key"), (sealed, "without a password"), (curve, "no RSA key")):
        with pytest.raises(UnusableKeyError, match=text):
            cache_entries.signed({}, key)


@pytest.mark.parametrize("content", [b"", b"{}x", b"[1]", b'[["{}"]]', b'[["[]", ""]]', b'[["no json", ""]]', b"7"])
def test_what_is_no_list_of_entries_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        cache_entries.read(content)
    assert cache_entries.read(json.dumps([["{}", None]]).encode()) == [Entry("{}", "", {})]


def test_certificates_of_a_list(builder: Builder) -> None:
    listed = f"\n# ours\n{builder.certificate}\n{Builder().certificate}"
    first, second = cache_entries.certificates_of(listed)
    assert first.strip() == builder.certificate.strip()
    assert second != first
    assert cache_entries.certificates_of("") == ()
