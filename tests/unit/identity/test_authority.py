"""The certificate authority, and what its certificates say."""

import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pilothouse.errors import SettingsError
from pilothouse.identity import authority
from pilothouse.identity.authority import Authority, open_authority
from pilothouse.identity.holder import CertificateKind, holder

NOW = 1_800_000_000.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("authority") / "ca"


@pytest.fixture(scope="module")
def root(folder: Path) -> Authority:
    return open_authority(folder, NOW)


def parsed(text: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(text.encode())


def test_the_key_is_private_and_the_root_stays(folder: Path, root: Authority) -> None:
    assert stat.S_IMODE((folder / authority.KEY_FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert open_authority(folder, NOW + 100).root_pem == root.root_pem


@pytest.mark.parametrize(
    ("kind", "name"), [("user", "änn:o/neil"), ("node", "COMP-12"), ("instance", "SOFTINST-7"), ("server", "here")]
)
def test_the_holder_is_read_back(root: Authority, kind: CertificateKind, name: str) -> None:
    issued = root.issue(kind, name, NOW)
    found = holder(parsed(issued.certificate).public_bytes(Encoding.DER))
    assert found == (kind, name, issued.serial)


def test_original_clients_find_the_node_in_the_text(root: Authority) -> None:
    text = root.issue("node", "COMP-12", NOW).certificate
    start = text.index("COMP-")
    assert text[start : text.index("/email", start)] == "COMP-12"


def test_certificates_are_signed_by_the_root_and_load_with_their_key(root: Authority, tmp_path: Path) -> None:
    issued = root.issue("server", "here", NOW, ["localhost", "127.0.0.1", "::1"])
    certificate = parsed(issued.certificate)
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(root.root_pem))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    (tmp_path / "crt").write_text(issued.certificate)
    (tmp_path / "key").write_text(issued.key.reveal())
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tmp_path / "crt", tmp_path / "key")


def test_an_instance_gets_the_same_certificate_each_time(root: Authority) -> None:
    first = root.issue_again("instance", "SOFTINST-7", None, NOW)
    again = root.issue_again("instance", "SOFTINST-7", first.serial, NOW)
    other = root.issue_again("instance", "SOFTINST-8", None, NOW)
    assert again == first
    assert other.key != first.key
    assert root.issue("user", "ann", NOW).key != root.issue("user", "ann", NOW).key


def test_the_key_does_not_show_itself(root: Authority) -> None:
    assert "PRIVATE" not in repr(root.issue("user", "ann", NOW))


def test_a_certificate_of_somebody_else_speaks_for_nobody(tmp_path: Path) -> None:
    import trustme

    foreign = trustme.CA().issue_cert("example.com")
    der = x509.load_pem_x509_certificate(foreign.cert_chain_pems[0].bytes()).public_bytes(Encoding.DER)
    assert holder(der) is None
    assert holder(b"no certificate") is None


def test_revoked_serials_are_on_the_signed_list(root: Authority) -> None:
    issued = root.issue("user", "ann", NOW)
    listed = x509.load_pem_x509_crl(root.revocation_list([(issued.serial, NOW + 5)], NOW + 10))
    assert listed.is_signature_valid(x509.load_pem_x509_certificate(root.root_pem).public_key())  # type: ignore[arg-type]
    assert listed.get_revoked_certificate_by_serial_number(int(issued.serial, 16)) is not None
    assert listed.get_revoked_certificate_by_serial_number(1) is None


@pytest.mark.parametrize("lost", [authority.KEY_FILE, authority.ROOT_FILE])
def test_half_an_authority_is_not_replaced(tmp_path: Path, lost: str) -> None:
    open_authority(tmp_path / "ca", NOW)
    (tmp_path / "ca" / lost).unlink()
    with pytest.raises(SettingsError, match="restore"):
        open_authority(tmp_path / "ca", NOW)
    assert not (tmp_path / "ca" / lost).exists()


def test_a_key_of_another_root_is_refused(tmp_path: Path) -> None:
    open_authority(tmp_path / "a", NOW)
    open_authority(tmp_path / "b", NOW)
    (tmp_path / "a" / authority.KEY_FILE).write_bytes((tmp_path / "b" / authority.KEY_FILE).read_bytes())
    with pytest.raises(SettingsError, match="is not the key"):
        open_authority(tmp_path / "a", NOW)
