"""Our own certificate authority: one root per installation, made at the first start (slapos-master 5.4, 15.1).

The root's key is a file that only the server's user can read. Servers that stand side by side share the folder.
"""

import datetime as dt
import fcntl
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import ExtendedKeyUsageOID

from pilothouse import files
from pilothouse.errors import SettingsError
from pilothouse.identity import holder
from pilothouse.identity.holder import CertificateKind
from pilothouse.jobs.secret import Secret

ROOT_FILE: Final = "ca.crt"
KEY_FILE: Final = "ca.key"
_LOCK_FILE: Final = ".lock"
_YEAR: Final = dt.timedelta(days=365)
_ROOT_YEARS: Final = 20
_YEARS: Final[dict[CertificateKind, int]] = {"server": 2, "user": 2, "node": 10, "instance": 10}
_SKEW: Final = dt.timedelta(minutes=10)  # clocks of peers may be behind ours
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of the curve P-256
_LIST_LIFE: Final = dt.timedelta(days=7)


class Issued(NamedTuple):
    """A new certificate as its holder gets it.

    ``serial`` and ``fingerprint`` (SHA-256) are in hexadecimal digits, ``expires`` is in seconds since the epoch.
    """

    certificate: str
    key: Secret
    serial: str
    fingerprint: str
    expires: float


class Authority:
    """The root certificate and its key."""

    def __init__(self, root: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._root = root
        self._key = key

    @property
    def root_pem(self) -> bytes:
        """Return the root's certificate, which peers are told to trust."""
        return self._root.public_bytes(serialization.Encoding.PEM)

    def issue(self, kind: CertificateKind, name: str, now: float, hosts: Sequence[str] = ()) -> Issued:
        """Return a certificate and its key for ``name``; ``hosts`` are the names and addresses of a server."""
        return self._issue(kind, name, x509.random_serial_number(), now, ec.generate_private_key(ec.SECP256R1()), hosts)

    def issue_again(self, kind: CertificateKind, name: str, serial: str | None, at: float) -> Issued:
        """Return a certificate and key that are the same whenever they are asked for with the same values.

        Nodes ask for the certificates of their instances at each turn; the key is derived from the root's and the
        serial number, so that it needs to be kept nowhere. Without a serial number a new one is drawn.
        """
        number = x509.random_serial_number() if serial is None else int(serial, 16)
        return self._issue(kind, name, number, at, self._derived(number), ())

    def _issue(
        self,
        kind: CertificateKind,
        name: str,
        serial: int,
        at: float,
        key: ec.EllipticCurvePrivateKey,
        hosts: Sequence[str],
    ) -> Issued:
        start = _moment(at)
        usage = ExtendedKeyUsageOID.SERVER_AUTH if kind == "server" else ExtendedKeyUsageOID.CLIENT_AUTH
        made = (
            x509.CertificateBuilder()
            .subject_name(holder.subject(kind, name))
            .issuer_name(self._root.subject)
            .public_key(key.public_key())
            .serial_number(serial)
            .not_valid_before(start - _SKEW)
            .not_valid_after(start + _YEARS[kind] * _YEAR)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(holder.names(kind, name, hosts), critical=False)
            .add_extension(self._issuer(), critical=False)
            .sign(self._key, hashes.SHA256(), ecdsa_deterministic=True)
        )
        return Issued(
            certificate=holder.shown(made),
            key=Secret(_pem(key).decode("ascii")),
            serial=f"{serial:x}",
            fingerprint=made.fingerprint(hashes.SHA256()).hex(),
            expires=made.not_valid_after_utc.timestamp(),
        )

    def _derived(self, serial: int) -> ec.EllipticCurvePrivateKey:
        secret = self._key.private_numbers().private_value.to_bytes(32, "big")
        # 48 bytes for a group of 32: no value is noticeably likelier than another
        drawn = HKDF(hashes.SHA256(), 48, salt=None, info=f"pilothouse certificate {serial:x}".encode()).derive(secret)
        return ec.derive_private_key(int.from_bytes(drawn, "big") % (_ORDER - 1) + 1, ec.SECP256R1())

    def revocation_list(self, revoked: Iterable[tuple[str, float]], now: float) -> bytes:
        """Return the signed list of revoked serial numbers, each with its time, as PEM."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._root.subject)
            .last_update(_moment(now))
            .next_update(_moment(now) + _LIST_LIFE)
            .add_extension(self._issuer(), critical=False)
            .add_extension(x509.CRLNumber(int(now)), critical=False)
        )
        for serial, at in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(int(serial, 16)).revocation_date(_moment(at))
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _issuer(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())


def open_authority(folder: Path, now: float) -> Authority:
    """Return the authority of a folder, made when there is none yet.

    Raises SettingsError when only one of its two files is there, or when they cannot be read.
    """
    root_file, key_file = folder / ROOT_FILE, folder / KEY_FILE
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / _LOCK_FILE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two servers at their first start make one root
        if not key_file.exists() and not root_file.exists():
            _make(folder, now)
    try:
        root = x509.load_pem_x509_certificate(root_file.read_bytes())
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(
            f"{folder}: the certificate authority cannot be read ({error}); restore {ROOT_FILE} and {KEY_FILE} from "
            "the backup: a new root would refuse every certificate issued so far"
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != root.public_key():
        raise SettingsError(f"{folder}: {KEY_FILE} is not the key of {ROOT_FILE}; restore both from the backup")
    return Authority(root, key)


def _make(folder: Path, now: float) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = holder.subject("server", "Pilothouse root")
    start = _moment(now)
    root = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - _SKEW)
        .not_valid_after(start + _ROOT_YEARS * _YEAR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    files.write_atomic(folder / KEY_FILE, _pem(key), mode=0o600, durable=True)
    files.write_atomic(folder / ROOT_FILE, root.public_bytes(serialization.Encoding.PEM), durable=True)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _moment(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(int(seconds), dt.UTC)
