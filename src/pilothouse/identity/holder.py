"""Whom a certificate speaks for: how that is written into it, and read back.

It stands in the certificate's URI ``pilothouse:<kind>:<name>``, which only our authority writes. The subject is for
people, and for original clients: ``node register`` looks in the text for ``COMP-...`` up to ``/email`` (10.13).
"""

import ipaddress
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, cast, get_args
from urllib.parse import quote, unquote

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

CertificateKind = Literal["server", "user", "node", "instance"]

_SCHEME: Final = "pilothouse"
_LONGEST_NAME: Final = 64  # of a common name, by its standard


class Holder(NamedTuple):
    """Whom a certificate speaks for, and its serial number in hexadecimal digits."""

    kind: CertificateKind
    name: str
    serial: str


def holder(der: bytes) -> Holder | None:
    """Return whom a verified certificate of our authority speaks for, None for any other certificate."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return None
    for uri in names.get_values_for_type(x509.UniformResourceIdentifier):
        scheme, kind, name = [*uri.split(":", 2), "", ""][:3]
        if scheme == _SCHEME and name and kind in get_args(CertificateKind):
            return Holder(cast("CertificateKind", kind), unquote(name), f"{certificate.serial_number:x}")
    return None


def subject(kind: CertificateKind, name: str) -> x509.Name:
    """Return the subject; nodes and instances get a mail address for those who look for ``/email``."""
    attributes = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Pilothouse"),
        x509.NameAttribute(NameOID.COMMON_NAME, name[:_LONGEST_NAME]),
    ]
    if kind in {"node", "instance"}:
        attributes.append(x509.NameAttribute(NameOID.EMAIL_ADDRESS, f"{quote(name)}@{kind}.invalid"))
    return x509.Name(attributes)


def names(kind: CertificateKind, name: str, hosts: Sequence[str]) -> x509.SubjectAlternativeName:
    """Return the URI of the holder, and the names and addresses of a server."""
    found: list[x509.GeneralName] = [x509.UniformResourceIdentifier(f"{_SCHEME}:{kind}:{quote(name, safe='')}")]
    for host in hosts:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            found.append(x509.DNSName(host))
    return x509.SubjectAlternativeName(found)


def shown(certificate: x509.Certificate) -> str:
    """Return the certificate as clients are given it: its subject as text, then the PEM."""
    subject_text = "".join(
        f"/{'emailAddress' if item.oid == NameOID.EMAIL_ADDRESS else item.rfc4514_attribute_name}={item.value!s}"
        for item in certificate.subject
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")
    return f"Subject: {subject_text}\nSerial: {certificate.serial_number:x}\n{pem}"
